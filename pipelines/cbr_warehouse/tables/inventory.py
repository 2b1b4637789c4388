"""Makes the rows of the inventory's tables of one source from raw alone. The SQL is in ``inventory_sql``."""

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
from cbr_warehouse.raw.inventory import inventory_files, read_snapshots
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.storage.disk_errors import is_refused_by_disk
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier, parquet_files
from cbr_warehouse.tables.inventory_sql import (
    HISTORY,
    MALFORMED,
    RECORDS,
    SIGHTINGS,
    SOUND_RECORDS,
    rows_of_elements,
    rows_of_objects,
)

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
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, contract: Contract, source: str
) -> None:
    """Inserts all rows of a source's inventory; the tables have none of it.

    Args:
        connection: The warehouse being built, in a transaction.
        directory: The data directory.
        contract: The contract.
        source: Name of the source.

    Raises:
        StorageError: A file of the inventory cannot be read.
    """
    snapshots = read_snapshots(directory, source)
    if not snapshots:
        return
    files = inventory_files(directory, source)
    try:
        with _relations(connection, source, snapshots, files.records, files.sightings):
            kinds = {item.kind.value for one in snapshots for item in one.lists}
            for name, query in _queries(contract, kinds):
                connection.execute(
                    f"INSERT INTO main.{identifier(name)} BY NAME {query}",
                    {"source": source} if "$source" in query else {},
                )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException) or is_refused_by_disk(error):
            raise
        raise StorageError(
            f"{directory.raw_ledger('inventory', source)}: the inventory of {source} cannot be read "
            f"({str(error).splitlines()[0]}). Restore the file from a backup of the data directory."
        ) from error


def _queries(contract: Contract, kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each table of some kinds of objects with the query of its rows."""
    tables = [table for table in inventory_tables(contract) if table.kind in kinds]
    yield "inventory_snapshots", "FROM inventory_snapshot"
    yield "inventory_malformed", MALFORMED
    for table in tables:
        query = (
            rows_of_elements(table) if table.list_path else rows_of_objects(table, _children(table, tables))
        )
        yield table.table.name, query


def _children(parent: InventoryTable, tables: Sequence[InventoryTable]) -> list[InventoryTable]:
    return [one for one in tables if one.kind == parent.kind and one.list_path]


@contextmanager
def _relations(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    snapshots: Sequence[Snapshot],
    records: Sequence[Path],
    sightings: Sequence[Path],
) -> Iterator[None]:
    """Makes the tables that the queries read, and removes them in the end."""
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
    connection.execute(f"CREATE TEMP TABLE inventory_record AS {RECORDS.format(files=_files(records))}")
    connection.execute(f"CREATE TEMP TABLE inventory_sighting AS {SIGHTINGS.format(files=_files(sightings))}")
    connection.execute(SOUND_RECORDS)
    connection.execute(HISTORY)
    yield
    # After an error the transaction is rolled back, and they are gone with it.
    for name in ("snapshot", "record", "sighting", "sound", "history"):
        connection.execute(f"DROP TABLE temp.inventory_{name}")


def _files(paths: Sequence[Path]) -> str:
    if paths:
        return parquet_files(paths)
    columns = ("load_id", "kind", "object_type", "object_id", "content_hash", "record_text")
    return f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in columns)} WHERE false)"
