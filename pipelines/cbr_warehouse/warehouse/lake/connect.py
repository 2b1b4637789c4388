"""Connects an engine to a DuckLake, and explains what PostgreSQL or the store refuses, without secrets."""

import os
import re

import duckdb

from cbr_warehouse.errors import SettingsError, WarehouseError
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.storage.store_url import StoreUrl, parse_store_url
from cbr_warehouse.warehouse.lake.extensions import EVERYWHERE, load_extensions, require_extensions
from cbr_warehouse.warehouse.lake.file_store import explain_store, reach_store, require_store, secrets_in
from cbr_warehouse.warehouse.open_published import NOTHING_PUBLISHED
from cbr_warehouse.warehouse.place import LakeAddress

CATALOG = "__ducklake_metadata_warehouse"
"""The name under which DuckLake attaches the tables of its catalog."""

_SECRET = "catalog_password"  # noqa: S105  the name of a secret in the engine
_CONNECT_TIMEOUT = " connect_timeout=10"
_IS_IN_A_STORE = "requires the extension httpfs"
_IS_BEING_MADE = re.compile("Failed to initialize DuckLake.*already exists", re.DOTALL)
"""What PostgreSQL answers to the slower of two hosts that make a DuckLake, once the other has made it."""


def require_lake(address: LakeAddress) -> None:
    """Fails if what a DuckLake needs is not there; nothing is connected.

    Args:
        address: The DuckLake.

    Raises:
        SettingsError: The password cannot be read, or there are no credentials for its files in a store.
        UsageError: An extension of DuckDB is not installed.
    """
    require_extensions(EVERYWHERE)
    address.read_password()
    if isinstance(address.files, StoreUrl):
        require_store(address.files, os.environ)


def try_store(address: LakeAddress) -> None:
    """Asks the store for the files of a DuckLake that may not be there yet; of a folder it does nothing.

    Args:
        address: The DuckLake, with where its files are.

    Raises:
        SettingsError: There are no credentials.
        UsageError: An extension of DuckDB is not installed.
        WarehouseError: The store refused something, or cannot be reached.
    """
    if not isinstance(address.files, StoreUrl):
        return
    with duckdb.connect() as connection:
        try:
            reach_store(connection, address.files, os.environ)
            connection.execute(f"SELECT count(*) FROM glob({literal(f'{address.files}/*')})")
        except duckdb.Error as error:
            raise explain_lake(address, error) from None


def attach_lake(connection: duckdb.DuckDBPyConnection, address: LakeAddress, *options: str) -> None:
    """Attaches a DuckLake as ``warehouse``; its password is in no statement's text that DuckDB keeps.

    Args:
        connection: An engine in memory.
        address: The DuckLake.
        options: Options of ATTACH.

    Raises:
        SettingsError: The password cannot be read, or there are no credentials for its files in a store.
        UsageError: An extension is not installed.
        WarehouseError: PostgreSQL or the catalog refused something.
    """
    for automatism in ("autoinstall_known_extensions", "autoload_known_extensions"):
        connection.execute(f"SET {automatism} = false")
    load_extensions(connection)
    given = [*options, f"META_SECRET {literal(_SECRET)}"]
    secret = address.read_password()
    password = "" if secret is None else f", PASSWORD {literal(secret)}"
    timeout = "" if "connect_timeout=" in address.parameters else _CONNECT_TIMEOUT
    place = literal(str(address) + timeout)
    try:
        connection.execute(f"CREATE OR REPLACE SECRET {_SECRET} (TYPE postgres{password})")
        _attach(connection, f"ATTACH {place} AS warehouse ({', '.join(given)})", address)
    except duckdb.Error as error:
        raise explain_lake(address, error) from None


def _attach(connection: duckdb.DuckDBPyConnection, statement: str, address: LakeAddress) -> None:
    if isinstance(address.files, StoreUrl):
        reach_store(connection, address.files, os.environ)
    try:
        connection.execute(statement)
    except duckdb.Error as error:
        # Only now a reader knows that the files are in a store; readers of a folder load nothing for it.
        if _IS_IN_A_STORE in str(error) and not isinstance(address.files, StoreUrl):
            load_extensions(connection, ["httpfs"])
        elif not _IS_BEING_MADE.search(str(error)):
            raise
        connection.execute(statement)
    path = data_path(connection)
    if path.startswith("s3://") and not isinstance(address.files, StoreUrl):
        reach_store(connection, parse_store_url(path), os.environ)


def data_path(connection: duckdb.DuckDBPyConnection) -> str:
    """Where the files of the attached DuckLake are, as its catalog says: with a slash at the end."""
    return str(connection.execute("SELECT data_path FROM ducklake_settings('warehouse')").fetchall()[0][0])


def explain_lake(address: LakeAddress, error: duckdb.Error | OSError) -> WarehouseError:
    """The error to raise for one of DuckDB that is due to the DuckLake.

    Args:
        address: The DuckLake.
        error: What DuckDB raised, or the disk.
    """
    said = _without_secrets(str(error), address)
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
    if is_conflict(error):
        return WarehouseError(f"{address}: other hosts publish to it at the same time.")
    if (wrong := explain_store(said)) is not None:
        return WarehouseError(f"{address}: {wrong}")
    return WarehouseError(f"{address}: {_first_line(said)}. Check PostgreSQL and the files of the DuckLake.")


def is_conflict(error: duckdb.Error | OSError) -> bool:
    """Whether a transaction failed because another one was faster."""
    return isinstance(error, duckdb.TransactionException) and "conflict" in str(error)


def _first_line(said: str) -> str:
    return (said.splitlines() or [""])[0].rstrip(".")


def _without_secrets(said: str, address: LakeAddress) -> str:
    """What was said, without secrets: PostgreSQL's library quotes connections that it cannot parse."""
    try:
        password = address.read_password()
    except SettingsError:
        password = None  # without one, nothing was connected
    for secret in filter(None, [password, *secrets_in(os.environ)]):
        said = said.replace(secret, "***")
    return said
