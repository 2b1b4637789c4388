"""The tables of the inventory in the warehouse: snapshots that it lacks are added to those that it has.

All of a source's rows are made again unless the tables have exactly the snapshots before the new ones, made
from the same files by the same statements. What is made of which snapshot is decided by ``tables``.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES, INVENTORY_TABLES
from cbr_warehouse.raw.inventory import read_snapshots, record_files
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.inventory import insert_inventory, inventory_fingerprint, inventory_statements
from cbr_warehouse.warehouse.checks import check_source
from cbr_warehouse.warehouse.ddl import INVENTORY_STATE

ROWS_OF_INVENTORY = (*(("main", table) for table in ALL_INVENTORY_TABLES), ("meta", "inventory"))
"""Schema and name of all tables with rows of the inventory of a source."""

_STATE = ("inventory_objects", "inventory_extent")
"""Tables of ``meta`` from which the next publication goes on; without their rows it makes all again."""


def changed_inventories(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, sources: Collection[str]
) -> dict[str, str]:
    """Sources, with fingerprints, of whose inventory the warehouse has not the newest snapshot.

    Args:
        connection: The warehouse.
        directory: The data directory.
        sources: Names of the sources to look at.

    Raises:
        StorageError: A ledger cannot be read.
    """
    held = dict(connection.execute("SELECT source, fingerprint FROM meta.inventory").fetchall())
    made = {source: inventory_fingerprint(read_snapshots(directory, source)) for source in sources}
    return {source: one for source, one in made.items() if held.get(source, "") != one}


def bring_up_inventory(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    contract: Contract,
    source: str,
    fingerprint: str,
) -> set[str]:
    """Brings the rows of a source's inventory up to its newest snapshot.

    Args:
        connection: The warehouse being built, in a transaction.
        directory: The data directory.
        contract: The contract.
        source: Name of the source.
        fingerprint: That of its inventory.

    Returns:
        The tables that have other rows, as ``main.vaults``; where nothing differs but that, as
        ``main.vaults.last_seen_at``.

    Raises:
        StorageError: A file of the inventory cannot be read.
        WarehouseError: A key is not unique.
    """
    for statement in INVENTORY_STATE:
        connection.execute(statement)
    snapshots, files = read_snapshots(directory, source), record_files(directory, source)
    known = _known_snapshots(connection, contract, source, snapshots, files)
    if known:
        connection.execute("DELETE FROM meta.inventory WHERE source = $1", [source])
        connection.execute("DELETE FROM meta.inventory_extent WHERE source = $1", [source])
    else:
        remove_inventory(connection, source)
    changed = insert_inventory(connection, directory, contract, source, snapshots[known:], is_added=known > 0)
    connection.execute("INSERT INTO meta.inventory VALUES ($1, $2)", [source, fingerprint])
    extent = _extent(contract, snapshots, files)
    connection.execute(
        "INSERT INTO meta.inventory_extent VALUES ($1, $2, $3)", [source, len(snapshots), extent]
    )
    check_source(connection, [contract.table(name) for name in ALL_INVENTORY_TABLES], source)
    if not known:
        return {f"main.{table}" for table in ALL_INVENTORY_TABLES}
    seen_again = {name for name, kind in INVENTORY_TABLES.items() if kind not in changed}
    return {f"main.{name}{'.last_seen_at' * (name in seen_again)}" for name in ALL_INVENTORY_TABLES}


def remove_inventory(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Deletes all rows of a source's inventory, and what new snapshots would be added to."""
    for schema, table in (*ROWS_OF_INVENTORY, *(("meta", table) for table in _STATE)):
        connection.execute(f"DELETE FROM {schema}.{identifier(table)} WHERE source = $1", [source])


def _known_snapshots(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    source: str,
    snapshots: Sequence[Snapshot],
    files: Sequence[Path],
) -> int:
    """How many of the oldest snapshots the tables have; 0 unless the others can be added to them.

    Args:
        connection: The warehouse being built.
        contract: The contract.
        source: Name of the source.
        snapshots: Its snapshots, in order of load.
        files: Its files of texts.
    """
    rows = connection.execute(
        "SELECT snapshots, fingerprint FROM meta.inventory_extent WHERE source = $1", [source]
    ).fetchall()
    if len(rows) != 1:
        return 0
    ((count, fingerprint),) = rows
    noted = {file.name for one in snapshots[count:] for file in one.records}
    earlier = [path for path in files if path.name not in noted]
    is_in_order = all(one.fetched_at < after.fetched_at for one, after in pairwise(snapshots))
    is_whole = len(earlier) + len(noted) == len(files)
    is_same = fingerprint == _extent(contract, snapshots[:count], earlier)
    return int(count) if is_in_order and is_whole and is_same else 0


def _extent(contract: Contract, snapshots: Iterable[Snapshot], files: Iterable[Path]) -> str:
    """Identifies snapshots, the files they are read from, and what makes rows of them."""
    parts = (inventory_statements(contract), tuple(snapshots), sorted(path.name for path in files))
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
