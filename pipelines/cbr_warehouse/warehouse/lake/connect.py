"""Connects an engine to a DuckLake, and explains what PostgreSQL refuses, without the password."""

import duckdb

from cbr_warehouse.errors import SettingsError, WarehouseError
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.warehouse.lake.extensions import load_extensions
from cbr_warehouse.warehouse.open_published import NOTHING_PUBLISHED
from cbr_warehouse.warehouse.place import LakeAddress

CATALOG = "__ducklake_metadata_warehouse"
"""The name under which DuckLake attaches the tables of its catalog."""

_SECRET = "catalog_password"  # noqa: S105  the name of a secret in the engine
_CONNECT_TIMEOUT = " connect_timeout=10"


def attach_lake(connection: duckdb.DuckDBPyConnection, address: LakeAddress, *options: str) -> None:
    """Attaches a DuckLake as ``warehouse``; its password is in no statement's text that DuckDB keeps.

    Args:
        connection: An engine in memory.
        address: The DuckLake.
        options: Options of ATTACH.

    Raises:
        SettingsError: The password cannot be read.
        UsageError: An extension is not installed.
        WarehouseError: PostgreSQL or the catalog refused something.
    """
    load_extensions(connection)
    given = [*options, f"META_SECRET {literal(_SECRET)}"]
    secret = address.read_password()
    password = "" if secret is None else f", PASSWORD {literal(secret)}"
    timeout = "" if "connect_timeout=" in address.parameters else _CONNECT_TIMEOUT
    place = literal(str(address) + timeout)
    try:
        connection.execute(f"CREATE OR REPLACE SECRET {_SECRET} (TYPE postgres{password})")
        connection.execute(f"ATTACH {place} AS warehouse ({', '.join(given)})")
    except duckdb.Error as error:
        raise explain_lake(address, error) from None


def explain_lake(address: LakeAddress, error: duckdb.Error | OSError) -> WarehouseError:
    """The error to raise for one of DuckDB that is due to the DuckLake.

    Args:
        address: The DuckLake.
        error: What DuckDB raised, or the disk.
    """
    said = _without_password(str(error), address)
    if "does not exist - and creating a new DuckLake" in said:
        return WarehouseError(
            f"{NOTHING_PUBLISHED} {address}. Make one with 'cbr-warehouse load' on a host that has "
            "this address configured as warehouse."
        )
    if "Unable to connect to Postgres" in said or "connection to server" in said:
        reason = " ".join(said.rpartition("failed: ")[2].split())
        return WarehouseError(
            f"{address}: PostgreSQL cannot be reached ({reason}). Check that it runs, and host, port, "
            "dbname, user and password of the setting warehouse."
        )
    if "does not match existing data path" in said or "DATA_PATH" in said:
        return WarehouseError(
            f"{address}: its files are not below {address.files}, where warehouse_files says they are "
            f"({_first_line(said)}). Correct warehouse_files, or use another database for another DuckLake."
        )
    return WarehouseError(f"{address}: {_first_line(said)}. Check PostgreSQL and the files of the DuckLake.")


def _first_line(said: str) -> str:
    return (said.splitlines() or [""])[0].rstrip(".")


def _without_password(said: str, address: LakeAddress) -> str:
    """What was said, without the password: PostgreSQL's library quotes connections that it cannot parse."""
    try:
        password = address.read_password()
    except SettingsError:
        return said  # without one, nothing was connected
    return said.replace(password, "***") if password else said
