"""Adds new versions to the inventory's tables, which have those of the snapshots before.

It reads the temporary tables that the module ``inventory_history`` describes. In empty tables every version
is new.
"""

from collections.abc import Iterable

import duckdb

from cbr_warehouse.contract.inventory import InventoryTable
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.tables.inventory_sql import rows_of_elements, rows_of_objects


def mark_sighted(connection: duckdb.DuckDBPyConnection, table: InventoryTable, source: str) -> None:
    """Sets ``last_seen_at`` and ``is_current`` of the versions that were seen again, or that ended.

    The elements of a version of an object were last seen with it, and those of no other: no two snapshots
    have one time.

    Args:
        connection: The warehouse being built.
        table: One of the tables.
        source: Name of the source.
    """
    same = "t.last_seen_at = a.seen_before" if table.list_path else "t.version = a.version"
    if "object_type" in table.table.key:
        same += " AND t.object_type = a.object_type"
    connection.execute(
        f"UPDATE main.{identifier(table.table.name)} AS t "
        "SET last_seen_at = a.last_seen_at, is_current = a.is_current FROM inventory_again AS a "
        f"WHERE t.source = $source AND a.kind = {literal(table.kind)} "
        f"AND t.{identifier(table.id_column.name)} = a.object_id AND {same}",
        {"source": source},
    )


def insert_objects(
    connection: duckdb.DuckDBPyConnection,
    table: InventoryTable,
    children: Iterable[InventoryTable],
    source: str,
) -> None:
    """Inserts the rows of a table with a row for each version of an object.

    Args:
        connection: The warehouse being built; ``inventory_history`` has new versions only.
        table: The table.
        children: The tables of lists in its records.
        source: Name of the source.
    """
    connection.execute(
        f"INSERT INTO main.{identifier(table.table.name)} BY NAME {rows_of_objects(table, children)}",
        {"source": source},
    )


def read_known_texts(connection: duckdb.DuckDBPyConnection, table: InventoryTable, source: str) -> None:
    """Adds to ``inventory_record`` the texts of the versions before new ones.

    Elements are compared with them, and an object that comes back with the same text has it again.

    Args:
        connection: The warehouse being built; ``inventory_history`` has the objects with new versions.
        table: The table with a row for each version of an object.
        source: Name of the source.
    """
    same_type = " AND t.object_type = s.object_type" if "object_type" in table.table.key else ""
    connection.execute(
        "INSERT INTO inventory_record BY NAME "
        "SELECT s.kind, s.object_type, s.object_id, s.content_hash, t.record_text "
        "FROM inventory_seed AS s "
        "SEMI JOIN inventory_history AS h USING (kind, object_type, object_id) "
        "ANTI JOIN inventory_record AS r USING (kind, object_type, object_id, content_hash) "
        f"JOIN main.{identifier(table.table.name)} AS t "
        f"ON t.{identifier(table.id_column.name)} = s.object_id AND t.version = s.version{same_type} "
        f"WHERE s.kind = {literal(table.kind)} AND t.source = $source",
        {"source": source},
    )


def insert_elements(connection: duckdb.DuckDBPyConnection, table: InventoryTable, source: str) -> None:
    """Inserts the rows of a table with a row for each version of an element of a list.

    The first version of an element is the last one in the table where the version of the object before the
    new ones has it: it goes on, unless the element changed.

    Args:
        connection: The warehouse being built; ``inventory_history`` has new versions and the ones before.
        table: The table.
        source: Name of the source.
    """
    name, key = identifier(table.table.name), identifier(table.table.key[2])
    object_id = identifier(table.id_column.name)
    connection.execute(f"CREATE TEMP TABLE inventory_made AS {rows_of_elements(table)}", {"source": source})
    connection.execute(
        f"""
CREATE TEMP TABLE inventory_element AS
WITH known AS (
    SELECT {object_id}, {key}, max(version) AS known_versions
    FROM main.{name}
    WHERE source = $source AND {object_id} IN (SELECT object_id FROM inventory_history)
    GROUP BY ALL
)

SELECT e.*, coalesce(k.known_versions, 0) AS known_versions,
    coalesce(e.version = 1 AND e.first_seen_at = s.first_seen_at, false) AS goes_on
FROM inventory_made AS e
LEFT JOIN known AS k USING ({object_id}, {key})
LEFT JOIN inventory_seed AS s ON s.kind = {literal(table.kind)} AND s.object_id = e.{object_id}
""",
        {"source": source},
    )
    connection.execute(
        f"UPDATE main.{name} AS t SET last_seen_at = e.last_seen_at, is_current = e.is_current "
        f"FROM inventory_element AS e WHERE e.goes_on AND t.source = $source "
        f"AND t.{object_id} = e.{object_id} AND t.{key} = e.{key} AND t.version = e.known_versions",
        {"source": source},
    )
    connection.execute(
        f"INSERT INTO main.{name} BY NAME SELECT * EXCLUDE (known_versions, goes_on, went_on) "
        "REPLACE (version + known_versions - went_on::BIGINT AS version) "
        f"FROM (SELECT *, bool_or(goes_on) OVER (PARTITION BY {object_id}, {key}) AS went_on "
        "FROM inventory_element) WHERE NOT goes_on"
    )
    connection.execute("DROP TABLE temp.inventory_made")
    connection.execute("DROP TABLE temp.inventory_element")
