"""Reading the published warehouse: read-only, never locking, never blocked by a load."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.errors import UsageError, WarehouseError

_AT_ONCE = 2048
"""Rows that are fetched at a time: as many as DuckDB makes."""


@dataclass(frozen=True)
class QueryResult:
    """The result of a query.

    Attributes:
        columns: Column names.
        types: DuckDB's type of each column.
        rows: All rows; those of ``stream_query`` come as they are read, once.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


def connect_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Opens the published warehouse read-only, in UTC, unable to write or to leave the file.

    The file is attached to a connection of its own: one opened by its path would share the picture that the
    process may hold of an earlier file of that path.

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
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {_quoted(path)} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        connection.execute("DETACH memory")  # which could be written to
    except duckdb.Error as error:
        connection.close()
        raise WarehouseError(
            f"{path} cannot be opened ({_first_line(error)}). Make it again with 'cbr-warehouse rebuild'."
        ) from error
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET temp_directory = {_quoted(path.with_name(f'{path.name}.tmp'))}")
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
    """Up to when every source not left out was loaded, UTC; None before the first finished load."""
    found = connection.execute("SELECT as_of FROM analytics.as_of").fetchall()
    return None if not found or found[0][0] is None else found[0][0].astimezone(UTC)


@contextmanager
def stream_query(path: Path, sql: str) -> Iterator[QueryResult]:
    """Runs one query of the published warehouse; it can neither write nor leave the file.

    Args:
        path: The published warehouse.
        sql: The query.

    Yields:
        Its result, whose rows are read while they are asked for: there may be more than memory holds.

    Raises:
        UsageError: There is no query.
        WarehouseError: There is no warehouse, or the query failed.
    """
    with open_published(path) as connection:
        connection.execute("SET lock_configuration = true")
        try:
            _refuse_nothing(connection, sql)
            cursor = connection.execute(sql)
            described = cursor.description or []
            yield QueryResult(
                tuple(str(column[0]) for column in described),
                tuple(str(column[1]) for column in described),
                _rows_of(cursor),
            )
        except duckdb.Error as error:
            raise WarehouseError(f"The query failed: {error}") from error
        except BaseException:
            connection.interrupt()  # else closing waits until the query has ended by itself
            raise


def query(path: Path, sql: str) -> QueryResult:
    """Runs a query as ``stream_query`` does, and reads its result whole."""
    with stream_query(path, sql) as answer:
        return replace(answer, rows=list(answer.rows))


def _refuse_nothing(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    if not connection.extract_statements(sql):
        raise UsageError('The query is empty. Write one, such as "SELECT count(*) FROM tasks".')


def _rows_of(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(_AT_ONCE):
        yield from batch


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
