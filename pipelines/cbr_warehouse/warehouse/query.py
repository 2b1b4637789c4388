"""Queries of the published warehouse: read-only, never locking, never blocked by a load."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Timer
from typing import Any

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import WarehousePlace
from cbr_warehouse.warehouse.reading_statement import require_reading
from cbr_warehouse.warehouse.unreadable_file import explain_unreadable

_AT_ONCE = 2048
"""Rows that are fetched at a time: as many as DuckDB makes."""


@dataclass(frozen=True)
class QueryResult:
    """The result of a query.

    Attributes:
        columns: Column names.
        types: DuckDB's type of each column.
        rows: All rows; those of ``stream_query`` can be iterated once.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


def count_rows(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], schema: str = "main"
) -> dict[str, int]:
    """Rows of each of these tables or views."""
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {identifier(schema)}.{identifier(table)}").fetchall()
        for table in tables
    }
    return {table: int(rows[0][0]) for table, rows in counts.items()}


def read_watermark(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Up to when every source not left out was loaded, UTC; None before the first finished load."""
    found = connection.execute("SELECT as_of FROM analytics.as_of").fetchall()
    return None if not found or found[0][0] is None else found[0][0].astimezone(UTC)


class Snapshot:
    """The published warehouse as it was when it was opened, for several queries that have to agree.

    Args:
        connection: The engine.
        place: The published file, or a DuckLake.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: WarehousePlace) -> None:
        self._connection = connection
        self._place = place

    @contextmanager
    def stream(self, sql: str) -> Iterator[QueryResult]:
        """Runs one query, as ``stream_query`` does; one at a time."""
        try:
            require_reading(self._connection, sql)
            cursor = self._connection.execute(sql)
            described = cursor.description or []
            yield QueryResult(
                tuple(str(column[0]) for column in described),
                tuple(str(column[1]) for column in described),
                _rows_of(cursor),
            )
        except duckdb.Error as error:
            raise query_failed(self._place, error) from error
        except BaseException:
            self._connection.interrupt()  # else closing waits until the query has ended by itself
            raise

    def query(self, sql: str) -> QueryResult:
        """Runs one query and fetches all rows."""
        with self.stream(sql) as answer:
            return replace(answer, rows=list(answer.rows))


@contextmanager
def open_snapshot(place: WarehousePlace, limit_seconds: float | None = None) -> Iterator[Snapshot]:
    """Opens the published warehouse for several queries; they can neither write nor leave the file.

    Args:
        place: The published warehouse.
        limit_seconds: How long the block may take; None for as long as it takes.

    Raises:
        WarehouseError: There is no warehouse, it cannot be read, or the time was over.
    """
    with open_published(place) as connection, _limited(connection, limit_seconds):
        yield Snapshot(connection, place)


@contextmanager
def stream_query(place: WarehousePlace, sql: str) -> Iterator[QueryResult]:
    """Runs one query of the published warehouse; it can neither write nor leave the file.

    Args:
        place: The published warehouse.
        sql: The query.

    Yields:
        Its result; rows are fetched as they are consumed, so there may be more than fit in memory.

    Raises:
        UsageError: There is no query.
        WarehouseError: There is no warehouse, it is not one reading statement, or the query failed.
    """
    with open_snapshot(place) as snapshot, snapshot.stream(sql) as answer:
        yield answer


@contextmanager
def _limited(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Interrupts what runs after that many seconds."""
    if seconds is None:
        yield
        return
    timer = Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except WarehouseError as error:
        if timer.is_alive() or "INTERRUPT" not in str(error):
            raise
        raise WarehouseError(
            f"The query was stopped after {seconds:.0f} s. Ask for fewer days or rows, or use a view."
        ) from error
    finally:
        timer.cancel()


def query(place: WarehousePlace, sql: str) -> QueryResult:
    """Runs a query as ``stream_query`` does, and fetches all rows."""
    with stream_query(place, sql) as answer:
        return replace(answer, rows=list(answer.rows))


def query_failed(place: WarehousePlace, error: duckdb.Error) -> WarehouseError:
    """What to raise for an error while a query runs: the file is damaged, or the query is wrong."""
    return explain_unreadable(place, error) or WarehouseError(f"The query failed: {error}")


def _rows_of(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(_AT_ONCE):
        yield from batch
