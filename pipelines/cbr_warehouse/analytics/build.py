"""Brings schema ``analytics`` up to date with the tables of the warehouse, in the transaction that builds it.

Base tables are rebuilt for the partitions that changed; views are definitions only. After a change of a
setting or of a definition the whole schema is created again.
"""

import hashlib
from collections.abc import Iterable

import duckdb

from cbr_warehouse.analytics.catalogue import Definition, base_tables, views
from cbr_warehouse.analytics.create_schema import comment_on, create_schema, create_views
from cbr_warehouse.settings.analytics import AnalyticsSettings

_SOURCE_WATERMARK = """
INSERT INTO analytics.source_watermark
SELECT *, least(watermark, min(watermark) FILTER (is_included) OVER ()) AS observed_until
FROM (
    SELECT source, watermark, watermark >= max(watermark) OVER () - INTERVAL 720 HOUR AS is_included
    FROM analytics.source_load
    WHERE watermark IS NOT NULL
)
"""
"""A source is excluded once its watermark is further behind the newest than the 30 days for which the service
is documented to keep tasks (OTC CBR guide, "executed over the past 30 days"): later tasks of it were missed.
"""

_AS_OF = "INSERT INTO analytics.as_of SELECT min(watermark) FROM analytics.source_watermark WHERE is_included"

_SOURCE_CLOCK = """
INSERT INTO analytics.source_clock
SELECT k.source, coalesce(c.timezone, s.timezone), coalesce(c.day_anchor, s.day_anchor)
FROM (
    SELECT source FROM main.tasks UNION SELECT source FROM main.loads UNION SELECT source FROM main.coverage
) AS k
CROSS JOIN analytics.settings AS s
LEFT JOIN analytics.configured_clock AS c ON c.source = k.source
"""

_TOUCHED_BY_RECOVERY_POINT = """
INSERT INTO touched
SELECT DISTINCT p.source, p.resource_id
FROM analytics.recovery_point AS p
SEMI JOIN (
    SELECT source, unnest([source_backup_id, delete_backup_id, restore_backup_id]) AS backup_id
    FROM changed_attempts
) AS c ON c.source = p.source AND c.backup_id = p.backup_id
WHERE p.resource_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM touched AS t WHERE t.source = p.source AND t.resource_id = p.resource_id)
"""
"""A copy, restore or deletion changes the recovery point of a resource that it does not have to name."""


def bring_up(
    connection: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    changed: Iterable[tuple[str, str]],
    *,
    has_comments: bool = True,
) -> None:
    """Brings the analytics up to date with the tables.

    Args:
        connection: The warehouse being built, in its transaction, attached as ``warehouse`` and in use, with
            ``loads`` and ``coverage`` as they will be published.
        settings: The settings of the analytics.
        changed: Partitions (source, day) of the tables that were replaced.
        has_comments: Whether views and their columns get comments: half of the work of creating them.

    Raises:
        duckdb.Error: A definition does not fit the tables; nothing is published then.
    """
    fingerprint = _fingerprint(settings)
    rebuild_all = _stored_fingerprint(connection) != fingerprint
    if rebuild_all:
        create_schema(connection, settings, fingerprint)
    _refill(connection, "source_clock", _SOURCE_CLOCK)
    _touch(connection, None if rebuild_all else sorted(changed))
    for table in base_tables():
        _FILL.get(table.name, _create_filled)(connection, table)
    for name in ("touched_backups", "touched_tasks"):
        connection.execute(f"DROP VIEW {name}")
    for name in ("touched", "changed_attempts", "changed_days"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
    if rebuild_all:
        create_views(connection, has_comments=has_comments)


def _refill(connection: duckdb.DuckDBPyConnection, table: str, statement: str) -> None:
    connection.execute(f"DELETE FROM analytics.{table}")
    connection.execute(statement)


def _fingerprint(settings: AnalyticsSettings) -> str:
    parts = [repr(settings), *(one.comment + repr(one) for one in (*base_tables(), *views()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stored_fingerprint(connection: duckdb.DuckDBPyConnection) -> str | None:
    tables = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = 'meta' AND table_name = 'analytics'"
    ).fetchall()
    if not tables[0][0]:
        return None
    rows = connection.execute("SELECT fingerprint FROM meta.analytics").fetchall()
    return str(rows[0][0]) if rows else None


def _touch(connection: duckdb.DuckDBPyConnection, changed: list[tuple[str, str]] | None) -> None:
    """Selects the tasks to build the base tables from: all (None), or those of the changed partitions."""
    if changed is None:
        connection.execute("CREATE TEMP VIEW touched_tasks AS SELECT * FROM main.tasks")
        return
    connection.execute("CREATE TEMP TABLE changed_days (source VARCHAR, day DATE)")
    if changed:
        connection.executemany("INSERT INTO changed_days VALUES ($1, TRY_CAST($2 AS DATE))", changed)
    connection.execute("CREATE TEMP TABLE touched (source VARCHAR, resource_id VARCHAR)")
    connection.execute(
        "CREATE TEMP VIEW touched_tasks AS "
        "SELECT t.* FROM main.tasks AS t SEMI JOIN changed_days USING (source, day)"
    )


def _is_partial(connection: duckdb.DuckDBPyConnection) -> bool:
    query = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'touched'"
    return bool(connection.execute(query).fetchall()[0][0])


def _create_filled(connection: duckdb.DuckDBPyConnection, table: Definition) -> None:
    connection.execute(f"CREATE OR REPLACE TABLE analytics.{table.name} AS {table.body}")
    comment_on(connection, table, "TABLE")


def _fill_source_load(connection: duckdb.DuckDBPyConnection, table: Definition) -> None:
    """The loads of each source, and the watermarks that follow from them."""
    _create_filled(connection, table)
    _refill(connection, "source_watermark", _SOURCE_WATERMARK)
    _refill(connection, "as_of", _AS_OF)


def _fill_attempt(connection: duckdb.DuckDBPyConnection, table: Definition) -> None:
    """Attempts of the changed days; those that differ from before name the resources to rebuild."""
    if not _is_partial(connection):
        _create_filled(connection, table)
        connection.execute(
            "CREATE TEMP VIEW touched_backups AS SELECT * FROM analytics.attempt "
            "WHERE operation_type = 'backup' AND resource_id IS NOT NULL"
        )
        return
    connection.execute(
        "CREATE TEMP TABLE changed_attempts AS SELECT a.* FROM analytics.attempt AS a "
        "SEMI JOIN changed_days USING (source, day)"
    )
    connection.execute(
        "DELETE FROM analytics.attempt AS a USING changed_days AS c "
        "WHERE a.source = c.source AND a.day = c.day"
    )
    connection.execute("CREATE TEMP TABLE new_attempts AS " + table.body)
    connection.execute("INSERT INTO analytics.attempt BY NAME SELECT * FROM new_attempts")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE changed_attempts AS "
        "(FROM changed_attempts EXCEPT FROM new_attempts) "
        "UNION ALL (FROM new_attempts EXCEPT FROM changed_attempts)"
    )
    connection.execute("DROP TABLE new_attempts")
    connection.execute(
        "INSERT INTO touched SELECT DISTINCT source, resource_id FROM changed_attempts "
        "WHERE resource_id IS NOT NULL"
    )
    connection.execute(_TOUCHED_BY_RECOVERY_POINT)
    connection.execute(
        "CREATE TEMP VIEW touched_backups AS SELECT a.* FROM analytics.attempt AS a "
        "SEMI JOIN touched USING (source, resource_id) WHERE a.operation_type = 'backup'"
    )


def _fill_by_resource(connection: duckdb.DuckDBPyConnection, table: Definition) -> None:
    """All rows of the touched resources."""
    if not _is_partial(connection):
        _create_filled(connection, table)
        return
    connection.execute(
        f"DELETE FROM analytics.{table.name} AS a USING touched AS t "
        "WHERE a.source = t.source AND a.resource_id = t.resource_id"
    )
    connection.execute(f"INSERT INTO analytics.{table.name} BY NAME {table.body}")


_FILL = {
    "source_load": _fill_source_load,
    "attempt": _fill_attempt,
    "resource_day": _fill_by_resource,
    "recovery_point": _fill_by_resource,
    "streak": _fill_by_resource,
}
"""How each base table is brought up to date. The others are rebuilt whole: they are small, or their rows
depend on every resource of a policy.
"""
