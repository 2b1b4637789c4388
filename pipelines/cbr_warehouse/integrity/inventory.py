"""The tables of the inventory in the warehouse, beside those that its snapshots in raw give."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.errors import StorageError
from cbr_warehouse.integrity.finding import Amount, Check, Finding, Verified
from cbr_warehouse.integrity.published import AGAIN
from cbr_warehouse.integrity.rebuilt_days import row_digest
from cbr_warehouse.raw.inventory import read_snapshots
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.engine import do_within_memory, open_engine
from cbr_warehouse.tables.inventory import insert_inventory
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.inventory import changed_inventories
from cbr_warehouse.warehouse.working_file import attached

_Digests = dict[str, tuple[int, int]]
"""Number of rows, and a digest of all cells, by table."""


def verify_inventory_rows(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    source: str,
    contract: Contract,
    folder: Path,
) -> Verified:
    """Makes the tables of a source's inventory again from raw, and compares them row by row.

    Args:
        connection: The published warehouse.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        folder: Gets a file with the tables, removed in the end, and what does not fit in memory.
    """
    found = Verified(Amount(warehouse_tables=len(ALL_INVENTORY_TABLES)))
    try:
        if changed_inventories(connection, directory, [source]):
            what = f"{directory.warehouse}: lacks the newest inventory of {source}; a load publishes it."
            found.findings.append(Finding(Check.WAREHOUSE_BEHIND, source, None, what))
            return found
        again = _made_again(directory, source, contract, folder)
    except StorageError:
        return found  # of a ledger or a file, which are verified by themselves
    held = _digests(connection, contract, source)
    for table in ALL_INVENTORY_TABLES:
        if held[table] != again[table]:
            what = (
                f"{directory.warehouse}: its {held[table][0]:,} rows of {table} of {source} are not the "
                f"{again[table][0]:,} that its inventories in raw give. {AGAIN}"
            )
            found.findings.append(Finding(Check.WAREHOUSE_CONTENT, source, None, what))
    return found


def _made_again(directory: DataDirectory, source: str, contract: Contract, folder: Path) -> _Digests:
    def insert() -> None:
        engine.execute("BEGIN")
        try:
            insert_inventory(engine, directory, contract, source, read_snapshots(directory, source))
        except (duckdb.Error, StorageError):
            engine.execute("ROLLBACK")
            raise
        engine.execute("COMMIT")

    with (
        TemporaryDirectory(prefix="inventory-", dir=folder) as own,
        open_engine(Path(own)) as engine,
        attached(engine, Path(own) / "warehouse.duckdb"),
    ):
        for statement in create_statements(contract):
            if not statement.startswith("COMMENT"):
                engine.execute(statement)
        do_within_memory(engine, insert)
        return _digests(engine, contract, source)


def _digests(connection: duckdb.DuckDBPyConnection, contract: Contract, source: str) -> _Digests:
    found: _Digests = {}
    for table in ALL_INVENTORY_TABLES:
        digest = row_digest(contract.table(table).columns)
        query = f"SELECT count(*), {digest} FROM main.{identifier(table)} WHERE source = $1"
        ((count, total),) = connection.execute(query, [source]).fetchall()
        found[table] = (int(count), int(total))
    return found
