"""The published file, opened once for all requests, and opened again when a load has replaced it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import Any

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.page.queries import PageQuery, Parameters, read_query
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.warehouse.open_published import PublishedWarehouse, connect_published
from cbr_warehouse.warehouse.place import LakeAddress, WarehousePlace
from cbr_warehouse.warehouse.query import query_failed

LONGEST_SECONDS = 30.0
"""After this time the queries of one page are stopped; each takes less than a second on millions of tasks."""

_MOST_KEPT = 128
"""Results that are kept while the file stays the same."""

_OF_ANOTHER_VERSION = (
    "The warehouse has no analytics, or those of another version. Rebuild it with 'cbr-warehouse rebuild'."
)


@dataclass(frozen=True)
class Result:
    """What a query returned.

    Attributes:
        query: The query.
        statement: Its statement as it was run, with the values in place.
        rows: Its rows by column name.
    """

    query: PageQuery
    statement: str
    rows: list[dict[str, Any]]


@dataclass
class Snapshot:
    """One state of the warehouse: everything on a page comes from the same one."""

    opened: PublishedWarehouse
    identity: tuple[int, ...]
    _kept: dict[tuple[str, str], Result] = field(default_factory=dict)

    def run(self, name: str, parameters: Parameters | None = None) -> Result:
        """Runs a query of the page, or returns its result from before.

        Args:
            name: Name of its file.
            parameters: Values by name; those that the query does not use are ignored.

        Raises:
            WarehouseError: The query failed.
        """
        query, given = read_query(name), parameters or {}
        statement = query.filled(given)
        kept = self._kept.get((name, statement))
        if kept is None:
            rows = self._rows(query.statement(given), query.used(given))
            kept = Result(query, statement, rows)
            if len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[name, statement] = kept
        return kept

    def _rows(self, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            with without_pandas():
                cursor = self.opened.connection.execute(sql, values)
                names = [str(column[0]) for column in cursor.description or []]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.InterruptException as error:
            raise WarehouseError(
                f"The page took longer than {LONGEST_SECONDS:.0f} seconds and was stopped. "
                "Choose fewer nights, or a source or vault."
            ) from error
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise WarehouseError(_OF_ANOTHER_VERSION) from error
        except duckdb.Error as error:
            raise query_failed(self.opened.place, error) from error


class Snapshots:
    """Gives requests the present state of a published file, one request at a time.

    Args:
        place: The published file, which need not be there yet, or a DuckLake.
        bring_up: Called before each request, where the file is a copy of one that others replace.
    """

    def __init__(self, place: WarehousePlace, bring_up: Callable[[], None] | None = None) -> None:
        self.place = place
        self._bring_up = bring_up
        self._lock = Lock()
        self._current: Snapshot | None = None

    @contextmanager
    def current(self) -> Iterator[Snapshot]:
        """The state that is published now; other requests wait until the block ends.

        Raises:
            WarehouseError: There is no warehouse, it cannot be read, or a query failed.
        """
        if self._bring_up is not None:
            self._bring_up()
        with self._lock:
            snapshot = self._refreshed()
            stop = Timer(LONGEST_SECONDS, snapshot.opened.connection.interrupt)
            stop.daemon = True
            stop.start()
            try:
                yield snapshot
            finally:
                stop.cancel()

    def close(self) -> None:
        """Stops a query that is running, and closes the file."""
        if self._current is not None:
            self._current.opened.connection.interrupt()
        with self._lock:
            self._forget()

    def _refreshed(self) -> Snapshot:
        identity = _identity(self.place, self._current)
        if self._current is None or self._current.identity != identity:
            self._forget()
            # Taken before the file is opened: one that is replaced in between is opened again next time.
            opened = connect_published(self.place)
            self._current = Snapshot(opened, identity if opened.snapshot is None else (opened.snapshot,))
        return self._current

    def _forget(self) -> None:
        if self._current is not None:
            self._current.opened.close()
            self._current = None


def _identity(place: WarehousePlace, current: Snapshot | None) -> tuple[int, ...]:
    """What tells what is published from what replaces it; empty where there is none, or it cannot be said."""
    if isinstance(place, LakeAddress):
        from cbr_warehouse.warehouse.lake.open import newest_snapshot  # noqa: PLC0415  most have a file

        return () if current is None else newest_snapshot(current.opened)
    try:
        found = place.stat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
