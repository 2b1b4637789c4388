"""Notes the statements that code runs on a connection, as a script that does the same without the code."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import duckdb

from cbr_warehouse.storage.sql_text import literal

_PARAMETER = re.compile(r"\$(\d+)")


class RecordingConnection:
    """Runs statements as a connection does, and keeps those that change something as text.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.statements: list[str] = []

    def execute(self, query: str, parameters: Sequence[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Runs one statement."""
        if not query.lstrip().upper().startswith("SELECT"):
            self.statements.append(_filled(query, parameters or ()))
        if parameters is None:
            return self._connection.execute(query)
        return self._connection.execute(query, list(parameters))

    def executemany(self, query: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Runs one statement for each row of values."""
        for row in parameters:
            self.execute(query, list(row))


def _filled(query: str, values: Sequence[Any]) -> str:
    """The statement with its numbered parameters replaced, all at once: a value may look like another."""
    if not values:
        return query.strip()
    return _PARAMETER.sub(lambda found: as_sql(values[int(found[1]) - 1]), query.strip())


def as_sql(value: Any) -> str:
    """A value of the settings as a literal: text, number, duration or nothing."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, timedelta):
        return f"to_microseconds({value // timedelta(microseconds=1)})"
    return literal(value)
