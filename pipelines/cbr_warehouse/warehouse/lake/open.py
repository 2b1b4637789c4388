"""Opens a published DuckLake for reading: one snapshot of it, on an engine that can reach nothing else."""

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.warehouse.lake.connect import CATALOG, attach_lake, data_path, explain_lake
from cbr_warehouse.warehouse.lake.file_store import read_at_once
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
        SettingsError: The password cannot be read, or there are no credentials for its files in a store.
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
            _allow_only(connection, data_path(connection))
            use_only_warehouse(opened)
        except duckdb.Error as error:
            raise explain_lake(address, error) from error
    except BaseException:
        opened.close()
        raise
    return opened


def _allow_only(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Lets the engine reach what is below a path, once it may reach nothing else."""
    connection.execute(f"SET allowed_directories = [{literal(path)}]")
    if path.startswith("s3://"):
        # Otherwise 's3://…?s3_endpoint=…' is below the path too, and reaches any host.
        connection.execute("SET s3_url_compatibility_mode = true")
        read_at_once(connection)


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
