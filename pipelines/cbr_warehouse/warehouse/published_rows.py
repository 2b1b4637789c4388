"""The rows of one source, copied from the published warehouse into the next one.

For a warehouse that is built from scratch while the files of a source are damaged: its rows stay as
they were published.
"""

import logging
from collections.abc import Iterable

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.disk_errors import is_refused_by_disk
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.engine import is_short_of_memory
from cbr_warehouse.tables.partition_writer import PARTITIONED
from cbr_warehouse.warehouse.open_published import open_published

logger = logging.getLogger(__name__)

LEDGER_TABLES = (("main", "loads"), ("main", "coverage"))
"""Tables made from the ledgers of raw."""

ALL_TABLES = (
    *(("main", table) for table in PARTITIONED),
    ("meta", "partitions"),
    ("meta", "sightings"),
    *LEDGER_TABLES,
)
"""All tables that have rows of a source, those of the analytics aside, which are made from these."""

_ROWS_AT_ONCE = 20_480


def keep_published_rows(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    source: str,
    tables: Iterable[tuple[str, str]],
) -> bool:
    """Copies a source's rows of some tables from the published warehouse.

    Args:
        connection: The warehouse being built, in a transaction that has done nothing yet.
        directory: The data directory.
        source: Name of the source.
        tables: Schema and name of each table.

    Returns:
        Whether it could; if not, none of its rows were copied.
    """
    try:
        with open_published(directory.warehouse) as published:
            for schema, table in tables:
                _copy(published, connection, f"{identifier(schema)}.{identifier(table)}", source)
    except (WarehouseError, duckdb.Error) as error:
        if is_short_of_memory(error) or is_refused_by_disk(error):
            raise
        logger.debug("%s: its published rows cannot be kept", source, exc_info=error)
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        return False
    return True


def _copy(
    published: duckdb.DuckDBPyConnection, connection: duckdb.DuckDBPyConnection, table: str, source: str
) -> None:
    rows = published.execute(f"SELECT * FROM {table} WHERE source = $1", [source])
    connection.register("published_rows", rows.to_arrow_reader(_ROWS_AT_ONCE))
    try:
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM published_rows")
    finally:
        connection.unregister("published_rows")
