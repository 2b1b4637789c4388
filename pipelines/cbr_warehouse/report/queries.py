"""The report's queries: run with the parameters of a period, and filled in for a reader to run again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.options import WHOLE, Scope
from cbr_warehouse.report.query_files import read_definition
from cbr_warehouse.report.scope import OF_WHOLE_SOURCES, limited_to
from cbr_warehouse.storage.sql_text import literal


@dataclass(frozen=True)
class Question:
    """One query and its documentation.

    Attributes:
        name: Its name.
        sql: The query, with named parameters of a period.
        says: What its header says: Question, Grain, Definition, Settings, Edge cases.
    """

    name: str
    sql: str
    header: dict[str, str]

    @property
    def is_of_whole_sources(self) -> bool:
        """Whether a limit to vaults or policies does not limit it."""
        return self.name in OF_WHOLE_SOURCES

    def run(self, warehouse: Warehouse, parameters: dict[str, Any]) -> pa.Table:
        """Runs the query.

        Args:
            warehouse: The warehouse to query.
            parameters: Values by name; those that the query does not use are ignored.

        Returns:
            Its rows, with the types of its columns.
        """
        return warehouse.sql(self.sql, self._used(parameters), as_="arrow")

    def filled(self, parameters: dict[str, Any]) -> str:
        """The query with its parameters filled in, to be run again by a reader."""
        text = self.sql
        for name, value in sorted(self._used(parameters).items(), key=lambda pair: -len(pair[0])):
            text = text.replace(f"${name}", _as_sql(value))
        return text

    def _used(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in parameters.items() if f"${name}" in self.sql}


def _as_sql(value: str | timedelta | date | list[date] | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_sql, value))}]"
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, timedelta):
        return f"to_seconds({round(value.total_seconds())})"
    kind = "TIMESTAMPTZ" if isinstance(value, datetime) else "DATE"
    return f"{kind} '{value.isoformat()}'"


@cache
def read_question(name: str, scope: Scope = WHOLE) -> Question:
    """Reads a query from its file.

    Args:
        name: Its name.
        scope: What the tables that it reads are limited to.
    """
    found = read_definition(name)
    return Question(name, limited_to(found.body, name, scope), found.parts)
