"""Opens the published file read-only, ignoring files next to it, on an engine that can reach nothing else.

Queries are in ``query``, the statements they may be in ``reading_statement``.
"""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.warehouse.place import LakeAddress, WarehousePlace
from cbr_warehouse.warehouse.unreadable_file import explain_unreadable

_ENGINE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # FROM name would find the caller's variables
}

NOTHING_PUBLISHED = "There is no warehouse yet at"
"""What the message begins with before the first publication."""

_ATTEMPTS = 3
"""A load that starts removes unfinished files, possibly the link before it is opened; so it is retried."""


class PublishedWarehouse:
    """The published warehouse, open for reading.

    Attributes:
        place: The published file, which a load may have replaced since, or a DuckLake.
        connection: The engine; it sees the warehouse as it was when it was opened.
        snapshot: Number of the snapshot of a DuckLake; None of a file.
    """

    def __init__(self, place: WarehousePlace) -> None:
        self.place = place
        self.snapshot: int | None = None
        self.connection = duckdb.connect(config=dict(_ENGINE))
        self.spill = _private_folder()
        # Also where a notebook never closes it.
        self._remove_spill = (
            weakref.finalize(self, shutil.rmtree, str(self.spill), ignore_errors=True) if self.spill else None
        )

    def close(self) -> None:
        """Closes the file and removes what queries spilled to disk."""
        self.connection.close()
        if self._remove_spill is not None:
            self._remove_spill()


def connect_published(place: WarehousePlace) -> PublishedWarehouse:
    """Opens the published warehouse in UTC, on an engine that can neither write nor leave the file.

    DuckDB keeps an attached file, its WAL and its spill folder writable even without external access, and
    replays any ``.wal`` next to the file, even one of another program. The file is therefore attached
    through a hard link that is removed once it is open: no WAL exists under that name, and nothing can be
    written to it. Every connection has its own engine, because DuckDB would give a second connection of
    this process the earlier file of the same path.

    Args:
        place: The file, or a DuckLake; a reader keeps its snapshot while a new one is published.

    Returns:
        The open warehouse, for the caller to close.

    Raises:
        UsageError: What a DuckLake needs is not installed.
        WarehouseError: The file is missing or cannot be read; the message says why. Or PostgreSQL cannot be
            reached.
    """
    if isinstance(place, LakeAddress):
        from cbr_warehouse.warehouse.lake.open import connect_lake  # noqa: PLC0415  most have a file

        return connect_lake(place)
    require_published(place)
    opened = PublishedWarehouse(place)
    try:
        _attach(opened, place)
        use_only_warehouse(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def use_only_warehouse(opened: PublishedWarehouse) -> None:
    """Makes an attached warehouse all that queries find and reach."""
    opened.connection.execute("USE warehouse")
    _find_views_by_name(opened.connection)
    for statement in (
        "DETACH memory",  # which could be written to
        "SET TimeZone = 'UTC'",
        f"SET temp_directory = {literal(opened.spill or '')}",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        opened.connection.execute(statement)


def _find_views_by_name(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets queries name what is in schema ``analytics`` without the schema; tables of ``main`` come first."""
    has_views = "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'analytics'"
    if connection.execute(has_views).fetchall()[0][0]:
        connection.execute("SET search_path = 'warehouse.main,warehouse.analytics'")


def require_published(place: WarehousePlace) -> None:
    """Fails early if no warehouse was published yet; of a DuckLake it is found out when that is opened.

    Raises:
        WarehouseError: There is no such file.
    """
    if isinstance(place, Path) and not place.exists():
        raise WarehouseError(
            f"{NOTHING_PUBLISHED} {place}. Make one with 'cbr-warehouse load' or 'cbr-warehouse demo'."
        )


@contextmanager
def open_published(place: WarehousePlace) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens the published warehouse as ``connect_published`` does, and closes it.

    Raises:
        WarehouseError: It is missing or cannot be read, on opening or in the block.
    """
    opened = connect_published(place)
    try:
        with without_pandas():
            yield opened.connection
    except duckdb.Error as error:
        if damage := explain_unreadable(place, error):
            raise damage from error
        raise
    finally:
        opened.close()


def _attach(opened: PublishedWarehouse, path: Path) -> None:
    for attempt in range(_ATTEMPTS):
        with _private_link(path, opened.spill) as name:
            try:
                opened.connection.execute(f"ATTACH {literal(name)} AS warehouse (READ_ONLY, TYPE duckdb)")
            except duckdb.Error as error:
                if not name.exists() and attempt < _ATTEMPTS - 1:
                    continue
                raise explain_unreadable(path, error, always=True) from error
            return


@contextmanager
def _private_link(path: Path, spill: Path | None) -> Iterator[Path]:
    """Links the file under a private name while the block runs.

    If no link can be created (a read-only folder, a file system without hard links), the file is opened
    directly, or through a copy if there is a WAL next to it.
    """
    folder = path.parent / f"{TEMPORARY_PREFIX}{uuid4().hex}-read"
    link = folder / path.name
    try:
        if _is_linked(path, link):
            yield link
        else:
            yield from _without_link(path, spill)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_linked(path: Path, link: Path) -> bool:
    """Creates a hard link; returns whether that was possible."""
    try:
        link.parent.mkdir(mode=0o700)
        link.hardlink_to(path)
    except OSError:
        return False
    return True


def _without_link(path: Path, spill: Path | None) -> Iterator[Path]:
    log = path.with_name(f"{path.name}.wal")
    if not os.path.lexists(log):
        yield path
        return
    if spill is None:
        raise WarehouseError(
            f"{log} was left by another program and does not belong to the published warehouse. Remove it."
        )
    copy = spill / path.name
    try:
        yield shutil.copyfile(path, copy)
    finally:
        copy.unlink(missing_ok=True)


def _private_folder() -> Path | None:
    """A temporary folder for this process's spill files; None if none can be created."""
    try:
        return Path(tempfile.mkdtemp(prefix="cbr-warehouse-"))
    except OSError:
        return None
