"""Makes the rows of the inventory's tables of one source from raw: of all its snapshots, or of those to add.

The SQL is in ``inventory_history`` and ``inventory_sql``. Which snapshots the tables have already is known to
``warehouse``.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.inventory import InventoryTable, inventory_tables
from cbr_warehouse.errors import StorageError
from cbr_warehouse.raw.files import INSTANT
from cbr_warehouse.raw.inventory import record_files, records_folder, sighting_files
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.storage.disk_errors import is_refused_by_disk
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import parquet_files
from cbr_warehouse.tables.engine import is_short_of_memory
from cbr_warehouse.tables.inventory_additions import (
    insert_elements,
    insert_objects,
    mark_sighted,
    read_known_texts,
)
from cbr_warehouse.tables.inventory_history import (
    CHANGED_KINDS,
    EMPTY_RECORDS,
    HISTORY,
    INSERT_OBJECTS,
    MALFORMED,
    MALFORMED_AGAIN,
    MISSING_RECORDS,
    RECORDS,
    REMOVE_KNOWN,
    REMOVE_OBJECTS,
    REMOVE_UNCHANGED,
    SEED,
    SIGHTED_AGAIN,
    SIGHTINGS,
    SOUND_RECORDS,
    WANTED,
)
from cbr_warehouse.tables.inventory_sql import rows_of_elements, rows_of_objects

_SNAPSHOT_COLUMNS = (
    ("source", pa.string()),
    ("load_id", pa.string()),
    ("kind", pa.string()),
    ("object_type", pa.string()),
    ("taken_at", INSTANT),
    ("state", pa.string()),
    ("reason", pa.string()),
    ("objects", pa.int64()),
)


def inventory_fingerprint(snapshots: Sequence[Snapshot]) -> str:
    """Identifies what the tables of a source's inventory are made from; "" without any snapshot.

    Args:
        snapshots: Its snapshots, oldest first.
    """
    if not snapshots:
        return ""
    noted = [
        (one.load_id, [(item.kind, item.object_type, item.state) for item in one.lists]) for one in snapshots
    ]
    return hashlib.blake2b(repr(noted).encode(), digest_size=8).hexdigest()


def insert_inventory(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    contract: Contract,
    source: str,
    snapshots: Sequence[Snapshot],
    *,
    is_added: bool = False,
) -> frozenset[str]:
    """Inserts the rows of snapshots of a source that the tables lack.

    Args:
        connection: The warehouse being built, in a transaction.
        directory: The data directory.
        contract: The contract.
        source: Name of the source.
        snapshots: The snapshots, in order of load.
        is_added: Whether the tables have all earlier ones, with ``meta.inventory_objects``; none of these may
            have the time of one of them, or an earlier one. Otherwise the tables have no row of the source.

    Returns:
        The kinds of objects of which more than ``last_seen_at`` differs from before.

    Raises:
        StorageError: A file of the inventory cannot be read.
    """
    if not snapshots:
        return frozenset()
    try:
        with _relations(connection, directory, source, snapshots, is_added=is_added):
            return _insert(
                connection, contract, source, {item.kind for one in snapshots for item in one.lists}
            )
    except duckdb.Error as error:
        if is_short_of_memory(error) or is_refused_by_disk(error):
            raise
        raise StorageError(
            f"{directory.raw_ledger('inventory', source)}: the inventory of {source} cannot be read "
            f"({str(error).splitlines()[0]}). Restore the file from a backup of the data directory."
        ) from error


def inventory_statements(contract: Contract) -> list[str]:
    """What rows follow from: rows that other statements made cannot be added to."""
    tables = inventory_tables(contract)
    return [
        *(SOUND_RECORDS, MALFORMED, HISTORY),
        *(
            rows_of_elements(table) if table.list_path else rows_of_objects(table, _children(table, tables))
            for table in tables
        ),
    ]


def _insert(
    connection: duckdb.DuckDBPyConnection, contract: Contract, source: str, kinds: Collection[str]
) -> frozenset[str]:
    """Brings the tables up to the history; returns the kinds that have new or ended versions."""
    tables = [table for table in inventory_tables(contract) if table.kind in kinds]
    connection.execute("INSERT INTO main.inventory_snapshots BY NAME FROM inventory_snapshot")
    _run(connection, MALFORMED_AGAIN, source)
    _run(connection, f"INSERT INTO main.inventory_malformed BY NAME {MALFORMED}", source)
    _run(connection, REMOVE_OBJECTS, source)
    _run(connection, INSERT_OBJECTS, source)
    for table in tables:
        mark_sighted(connection, table, source)
    connection.execute(REMOVE_UNCHANGED)
    changed = frozenset(kind for (kind,) in connection.execute(CHANGED_KINDS).fetchall())
    tables = [table for table in tables if table.kind in changed]
    for table in tables:
        if not table.list_path:
            read_known_texts(connection, table, source)
    for table in tables:
        if table.list_path:
            insert_elements(connection, table, source)
    connection.execute(REMOVE_KNOWN)
    for table in tables:
        if not table.list_path:
            insert_objects(connection, table, _children(table, tables), source)
    return changed


def _children(parent: InventoryTable, tables: Sequence[InventoryTable]) -> list[InventoryTable]:
    """The tables of the lists in the records of a table; none of a table of such a list."""
    return [one for one in tables if one.kind == parent.kind and one.list_path and not parent.list_path]


@contextmanager
def _relations(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    source: str,
    snapshots: Sequence[Snapshot],
    *,
    is_added: bool,
) -> Iterator[None]:
    """Makes the tables that the statements read, and removes them in the end.

    Args:
        connection: The warehouse being built.
        directory: The data directory.
        source: Name of the source.
        snapshots: The snapshots that the tables lack.
        is_added: Whether the tables have earlier ones, so that most texts are in the files of these.
    """
    _list_snapshots(connection, source, snapshots)
    _run(connection, SEED, source)
    sightings = _files(sighting_files(directory, source, snapshots))
    connection.execute(SIGHTINGS.format(files=sightings))
    _run(connection, WANTED, source)
    connection.execute(EMPTY_RECORDS)
    if is_added:
        folder = records_folder(directory, source)
        _read_records(connection, [folder / file.name for one in snapshots for file in one.records])
    if connection.execute(MISSING_RECORDS).fetchall() != [(0,)]:
        # Also texts that objects had before, and have again.
        _read_records(connection, record_files(directory, source))
    for statement in (SOUND_RECORDS, HISTORY, SIGHTED_AGAIN):
        connection.execute(statement)
    yield
    # After an error the transaction is rolled back, and they are gone with it.
    for name in ("snapshot", "seed", "sighting", "wanted", "record", "sound", "history", "again"):
        connection.execute(f"DROP TABLE temp.inventory_{name}")


def _list_snapshots(
    connection: duckdb.DuckDBPyConnection, source: str, snapshots: Sequence[Snapshot]
) -> None:
    rows = [
        (
            source,
            one.load_id,
            item.kind.value,
            item.object_type or "",
            one.fetched_at,
            item.state.value,
            item.reason,
            item.records,
        )
        for one in snapshots
        for item in one.lists
    ]
    columns = zip(*rows, strict=True) if rows else ([] for _ in _SNAPSHOT_COLUMNS)
    listed = {
        name: pa.array(list(values), kind)
        for (name, kind), values in zip(_SNAPSHOT_COLUMNS, columns, strict=True)
    }
    connection.register("inventory_listed", pa.table(listed))
    connection.execute("CREATE TEMP TABLE inventory_snapshot AS FROM inventory_listed")
    connection.unregister("inventory_listed")


def _read_records(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    if files:
        connection.execute(RECORDS.format(files=_files(files)))


def _run(connection: duckdb.DuckDBPyConnection, statement: str, source: str) -> None:
    connection.execute(statement, {"source": source})


def _files(paths: Sequence[Path]) -> str:
    if paths:
        return parquet_files(paths)
    columns = ("load_id", "kind", "object_type", "object_id", "content_hash")
    return f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in columns)} WHERE false)"
