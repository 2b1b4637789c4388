"""Publishes a warehouse file to a DuckLake: in one transaction, what differs from what is there.

The file stays what the warehouse is; the DuckLake has the same rows for readers on other hosts. A table
has parts: the days of a source, or a source, or the whole of it. The DuckLake keeps a hash of each part in a
table of its own, which belongs to the same transaction: a part with another hash in the file is replaced.
A publication that is killed leaves files that no snapshot names, and the state from before. Of two at once,
one fails, because each replaces the row that says what was published: it compares again, and publishes then.
"""

import logging
from collections import defaultdict
from functools import partial

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.tables.engine import is_short_of_memory, limit_memory, open_engine, with_enough_memory
from cbr_warehouse.warehouse.lake.connect import CATALOG, attach_lake, explain_lake, is_conflict
from cbr_warehouse.warehouse.lake.layout import (
    ALL_VIEWS,
    DEFINITIONS,
    OWN_TABLES,
    PARTS,
    PUBLICATION,
    LakeLayout,
    LakeTable,
    read_layout,
)
from cbr_warehouse.warehouse.lake.snapshots import GRACE_DAYS, expire_snapshots
from cbr_warehouse.warehouse.place import LakeAddress
from cbr_warehouse.warehouse.reusable_file import published_checksum

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
"""How often a publication is tried while other hosts publish to the same DuckLake."""

_HAS_OLD_SNAPSHOTS = (
    f"SELECT coalesce(min(snapshot_time) < now() - INTERVAL {GRACE_DAYS + 1} DAY, false) "
    f"FROM {CATALOG}.ducklake_snapshot"
)


def publish_to_lake(directory: DataDirectory, address: LakeAddress) -> int:
    """Publishes the published file of a data directory to a DuckLake, which is created if missing.

    Args:
        directory: The data directory; the caller keeps other publications out.
        address: The DuckLake.

    Returns:
        The number of parts of tables that were replaced; 0 where it has this file already.

    Raises:
        UsageError: An extension of DuckDB is not installed.
        WarehouseError: PostgreSQL cannot be reached, or a file cannot be written; what was published there
            before stays.
    """
    checksum = published_checksum(directory)
    if checksum is None:
        return 0
    return with_enough_memory(partial(_publish, directory, address, checksum))


def _publish(directory: DataDirectory, address: LakeAddress, checksum: str, megabytes: int) -> int:
    why: WarehouseError | None = None
    for attempt in range(1, _ATTEMPTS + 1):
        # By the end of its name, the next load removes what a killed publication spilled.
        with open_engine(directory.root, 1, spill_name="warehouse.duckdb-spill") as connection:
            limit_memory(connection, megabytes)
            try:
                return _publish_with(connection, directory, address, checksum)
            except (duckdb.Error, OSError) as error:
                if is_short_of_memory(error):
                    raise
                why = explain_lake(address, error)
                if is_conflict(error) and attempt < _ATTEMPTS:
                    continue
            except WarehouseError as error:
                why = error
        break
    raise WarehouseError(
        f"{why} Readers of the DuckLake have what was published before. {directory.warehouse} is published, "
        "and the next load publishes it there."
    )


def _publish_with(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, address: LakeAddress, checksum: str
) -> int:
    connection.execute(f"ATTACH {literal(directory.warehouse)} AS published (READ_ONLY, TYPE duckdb)")
    # Before the DuckLake is attached, whose tables DuckDB would list as well.
    layout = read_layout(connection)
    files = address.files or directory.root / "lake"
    attach_lake(connection, address, f"DATA_PATH {literal(files)}", "DATA_INLINING_ROW_LIMIT 0")
    connection.execute("USE warehouse")
    connection.execute("BEGIN")
    if _is_there(connection, layout, checksum):
        return 0
    kept = _bring_up_definitions(connection, layout)
    _compare(connection, layout, kept)
    count = sum(_replace(connection, table) for table in layout.tables)
    _note_parts(connection)
    connection.execute(f"DELETE FROM {PUBLICATION}")
    connection.execute(f"INSERT INTO {PUBLICATION} VALUES ($1)", [checksum])
    connection.execute("COMMIT")
    _expire(connection, address)
    return count


def _expire(connection: duckdb.DuckDBPyConnection, address: LakeAddress) -> None:
    """Ends old snapshots, once a day; what was published does not depend on it."""
    try:
        if connection.execute(_HAS_OLD_SNAPSHOTS).fetchall()[0][0]:
            expire_snapshots(connection)
    except duckdb.Error as error:
        logger.warning("%s Old snapshots stay until the next publication.", explain_lake(address, error))


def _is_there(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, checksum: str) -> bool:
    """Whether the DuckLake has this file; creates its schemas where it is new."""
    schemas = connection.execute(
        "SELECT count(*) FROM duckdb_schemas() WHERE database_name = 'warehouse' AND schema_name = 'lake'"
    ).fetchall()
    if schemas[0][0]:
        return connection.execute(f"FROM {PUBLICATION}").fetchall() == [(checksum,)]
    for schema in layout.schemas:
        connection.execute(f"CREATE SCHEMA {schema}")
    for name, columns in OWN_TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
    connection.execute(f"ALTER TABLE {PARTS} SET PARTITIONED BY (source)")
    return False


def _bring_up_definitions(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> list[str]:
    """Creates what is not defined as in the file, and removes what the file does not have.

    Returns:
        Names of the tables that stay, with their rows.
    """
    wanted = {one.name: one for one in layout.creations}
    rows = connection.execute(f"SELECT name, hash, removal FROM {DEFINITIONS}").fetchall()
    kept = [name for name, known, _ in rows if name in wanted and wanted[name].hash == known]
    if len(kept) == len(rows) == len(wanted):
        return kept
    # The views first: they read the tables.
    for name, _, removal in sorted(rows, key=lambda row: row[0] != ALL_VIEWS):
        if name not in kept:
            connection.execute(removal)
    for one in layout.creations:
        if one.name not in kept:
            for statement in one.create:
                connection.execute(statement)
    connection.execute(f"DELETE FROM {DEFINITIONS}")
    noted = [(one.name, one.hash, "; ".join(one.remove)) for one in layout.creations]
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in noted)
    connection.execute(f"INSERT INTO {DEFINITIONS} VALUES {values}")
    return kept


def _compare(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, kept: list[str]) -> None:
    """Lists the parts of the file, and those that differ from the DuckLake, in temporary tables."""
    connection.execute(f"CREATE TEMP TABLE parts_now ({OWN_TABLES[PARTS]})")
    for table in layout.tables:
        source, day = table.part_keys
        connection.execute(
            f"INSERT INTO temp.parts_now SELECT {literal(table.full_name)}, {source}, {day}, count(*), "
            f"sum({table.row_hash})::VARCHAR FROM {table.in_file} GROUP BY ALL"
        )
    listed = ", ".join(map(literal, ["", *kept]))
    connection.execute(
        "CREATE TEMP TABLE parts_changed AS "
        'SELECT table_name, source, "day", b.rows IS NOT NULL AS is_there, n.rows IS NOT NULL AS is_wanted '
        f"FROM temp.parts_now AS n FULL JOIN (FROM {PARTS} WHERE table_name IN ({listed})) AS b "
        'USING (table_name, source, "day") '
        "WHERE n.rows IS DISTINCT FROM b.rows OR n.hash IS DISTINCT FROM b.hash"
    )


def _replace(connection: duckdb.DuckDBPyConnection, table: LakeTable) -> int:
    """Replaces the parts of a table that differ; returns how many do."""
    changed = connection.execute(
        'SELECT source, "day", is_there, is_wanted FROM temp.parts_changed WHERE table_name = $1',
        [table.full_name],
    ).fetchall()
    days_there: dict[str, list[str]] = defaultdict(list)
    for source, day, is_there, _ in changed:
        if is_there:
            days_there[source].append(day)
    for source, days in days_there.items():
        connection.execute(f"DELETE FROM {table.place} WHERE {table.in_parts(source, days)}")
    if any(is_wanted for *_, is_wanted in changed):
        source_key, day_key = table.part_keys
        connection.execute(
            f"INSERT INTO {table.place} SELECT {table.rows_to_store} FROM {table.in_file} "
            f"WHERE ({source_key}, {day_key}) IN "
            f'(SELECT (source, "day") FROM temp.parts_changed WHERE table_name = {literal(table.full_name)})'
        )
    return len(changed)


def _note_parts(connection: duckdb.DuckDBPyConnection) -> None:
    """Notes the parts of the sources of which any differs: those are the files of the table."""
    sources = [
        source
        for (source,) in connection.execute("SELECT DISTINCT source FROM temp.parts_changed").fetchall()
    ]
    if sources:
        listed = ", ".join(map(literal, sources))
        connection.execute(f"DELETE FROM {PARTS} WHERE source IN ({listed})")
        connection.execute(f"INSERT INTO {PARTS} FROM temp.parts_now WHERE source IN ({listed})")
