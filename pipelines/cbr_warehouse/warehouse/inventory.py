"""The tables of the inventory in the warehouse: made again for each source with a new snapshot.

What is made of which snapshot is decided by ``tables.inventory``.
"""

from collections.abc import Collection

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.raw.inventory import read_snapshots
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.inventory import insert_inventory, inventory_fingerprint
from cbr_warehouse.warehouse.checks import check_source

ROWS_OF_INVENTORY = (*(("main", table) for table in ALL_INVENTORY_TABLES), ("meta", "inventory"))
"""Schema and name of all tables with rows of the inventory of a source."""


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


def replace_inventory(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    contract: Contract,
    source: str,
    fingerprint: str,
) -> None:
    """Replaces the rows of a source's inventory.

    Args:
        connection: The warehouse being built, in a transaction.
        directory: The data directory.
        contract: The contract.
        source: Name of the source.
        fingerprint: That of its inventory.

    Raises:
        StorageError: A file of the inventory cannot be read.
        WarehouseError: A key is not unique.
    """
    remove_inventory(connection, source)
    insert_inventory(connection, directory, contract, source)
    connection.execute("INSERT INTO meta.inventory VALUES ($1, $2)", [source, fingerprint])
    check_source(connection, [contract.table(name) for name in ALL_INVENTORY_TABLES], source)


def remove_inventory(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Deletes all rows of a source's inventory."""
    for schema, table in ROWS_OF_INVENTORY:
        connection.execute(f"DELETE FROM {schema}.{identifier(table)} WHERE source = $1", [source])
