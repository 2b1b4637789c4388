"""Reading the published warehouse: read-only, never locking, never blocked by a load."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.errors import WarehouseError


@dataclass(frozen=True)
class Answer:
    """The result of a query.

    Attributes:
        columns: Column names.
        types: DuckDB's type of each column.
        rows: All rows.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def connect_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Opens the published warehouse read-only, in UTC, unable to write or to leave the file.

    Args:
        path: The file; a reader keeps its whole picture while a new one is published.

    Returns:
        The connection, for the caller to close.

    Raises:
        WarehouseError: There is none, or it is unreadable.
    """
    if not path.exists():
        raise WarehouseError(
            f"There is no warehouse yet at {path}. "
            "Make one with 'cbr-warehouse load' or 'cbr-warehouse demo'."
        )
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise WarehouseError(
            f"{path} cannot be opened ({_first_line(error)}). Make it again with 'cbr-warehouse rebuild'."
        ) from error
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    return connection


@contextmanager
def open_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens the published warehouse as ``connect_published`` does, and closes it."""
    connection = connect_published(path)
    try:
        yield connection
    finally:
        connection.close()


def count_rows(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], schema: str = "main"
) -> dict[str, int]:
    """Rows of each of these tables or views."""
    query = f'SELECT count(*) FROM {schema}."%s"'  # names of ours, never a user's
    counts = {table: connection.execute(query % table).fetchall() for table in tables}
    return {table: int(rows[0][0]) for table, rows in counts.items()}


def read_watermark(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Up to when every source was loaded, UTC; None before the first finished load."""
    found = connection.execute("SELECT as_of FROM analytics.as_of").fetchall()
    return None if not found or found[0][0] is None else found[0][0].astimezone(UTC)


def query(path: Path, sql: str) -> Answer:
    """Runs one query of the published warehouse; it can neither write nor leave the file.

    Args:
        path: The published warehouse.
        sql: The query.

    Returns:
        Its result, whole.

    Raises:
        WarehouseError: There is no warehouse, or the query failed.
    """
    with open_published(path) as connection:
        connection.execute("SET lock_configuration = true")
        try:
            cursor = connection.execute(sql)
            described = cursor.description or []
            return Answer(
                tuple(str(column[0]) for column in described),
                tuple(str(column[1]) for column in described),
                cursor.fetchall(),
            )
        except duckdb.Error as error:
            raise WarehouseError(f"The query failed: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
