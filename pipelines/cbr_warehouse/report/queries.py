"""The report's queries: ``.sql`` files with the same headers as those of the analytics."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cbr_warehouse.analytics.catalogue import parse_definition
from cbr_warehouse.reader.warehouse import Warehouse


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

    def run(self, warehouse: Warehouse, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Runs the query.

        Args:
            warehouse: The warehouse to query.
            parameters: Values by name; those that the query does not use are ignored.

        Returns:
            Its rows.
        """
        return warehouse.sql(self.sql, self._used(parameters), as_="arrow").to_pylist()

    def filled(self, parameters: dict[str, Any]) -> str:
        """The query with its parameters filled in, to be run again by a reader."""
        text = self.sql
        for name, value in sorted(self._used(parameters).items(), key=lambda pair: -len(pair[0])):
            kind = "TIMESTAMPTZ" if hasattr(value, "hour") else "DATE"
            text = text.replace(f"${name}", f"{kind} '{value.isoformat()}'")
        return text

    def _used(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in parameters.items() if f"${name}" in self.sql}


@cache
def read_question(name: str) -> Question:
    """Reads a query from its file."""
    text = files("cbr_warehouse.report").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    found = parse_definition(name, "question", text)
    return Question(name, found.body, found.parts)
