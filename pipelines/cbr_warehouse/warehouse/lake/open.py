"""Opens a published DuckLake for reading: one snapshot of it, on an engine that can reach nothing else."""

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.warehouse.lake.connect import CATALOG, attach_lake, explain_lake
from cbr_warehouse.warehouse.lake.layout import PUBLICATION
from cbr_warehouse.warehouse.open_published import PublishedWarehouse, use_only_warehouse
from cbr_warehouse.warehouse.place import LakeAddress

_NEWEST = f"SELECT max(snapshot_id) FROM {CATALOG}.ducklake_snapshot"


def connect_lake(address: LakeAddress) -> PublishedWarehouse:
    """Opens the newest snapshot of a DuckLake, as ``connect_published`` opens a file.

    All queries see this snapshot, whatever is published meanwhile.

    Args:
        address: The DuckLake.

    Raises:
        UsageError: An extension is not installed.
        WarehouseError: PostgreSQL cannot be reached, or nothing was published there yet.
    """
    opened = PublishedWarehouse(address)
    connection = opened.connection
    try:
        connection.execute("SET TimeZone = 'UTC'")
        attach_lake(connection, address, "READ_ONLY")
        try:
            opened.snapshot = int(connection.execute(_NEWEST).fetchall()[0][0])
            connection.execute("DETACH warehouse")
            attach_lake(connection, address, "READ_ONLY", f"SNAPSHOT_VERSION {opened.snapshot}")
            _require_published(connection, address)
            files = connection.execute("SELECT data_path FROM ducklake_settings('warehouse')").fetchall()
            connection.execute(f"SET allowed_directories = [{literal(files[0][0])}]")
            use_only_warehouse(opened)
        except duckdb.Error as error:
            raise explain_lake(address, error) from error
    except BaseException:
        opened.close()
        raise
    return opened


def newest_snapshot(opened: PublishedWarehouse) -> tuple[int, ...]:
    """Number of the newest snapshot of the DuckLake now; empty if PostgreSQL cannot be reached any more."""
    try:
        return (int(opened.connection.execute(_NEWEST).fetchall()[0][0]),)
    except duckdb.Error:
        return ()


def _require_published(connection: duckdb.DuckDBPyConnection, address: LakeAddress) -> None:
    try:
        connection.execute(f"SELECT checksum FROM warehouse.{PUBLICATION} LIMIT 0")
    except duckdb.CatalogException:
        raise WarehouseError(
            f"{address}: this is a DuckLake that 'cbr-warehouse load' has not published to. Check dbname, "
            "or load on a host that has this address configured as warehouse."
        ) from None
