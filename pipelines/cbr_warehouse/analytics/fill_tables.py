"""Fills the base tables: whole, or by the rows that the changed attempts touch.

Which of them to fill, and in which order, is decided by ``build``.
"""

import duckdb

from cbr_warehouse.analytics.catalogue import Definition
from cbr_warehouse.analytics.create_schema import comment_on

_TOUCHED = """
INSERT INTO touched SELECT DISTINCT source, resource_id FROM changed_attempts WHERE resource_id IS NOT NULL
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


def fill_whole(connection: duckdb.DuckDBPyConnection, table: Definition, *, has_comments: bool) -> None:
    """Creates a base table with all its rows; the views of touched attempts show all of them."""
    connection.execute(f"CREATE OR REPLACE TABLE analytics.{table.name} AS {table.body}")
    if has_comments:
        comment_on(connection, table, "TABLE")
    if table.name == "attempt":
        backups = "SELECT * FROM analytics.attempt WHERE operation_type = 'backup'"
        connection.execute(f"CREATE TEMP VIEW touched_backups AS {backups} AND resource_id IS NOT NULL")
        connection.execute(f"CREATE TEMP VIEW touched_schedules AS {backups} AND schedule_id IS NOT NULL")


def _replace_rows(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """All rows of a table, where any differs from before; returns whether one does."""
    connection.execute(f"CREATE TEMP TABLE rows_now AS {table.body}")
    is_new = differ(connection, "rows_now", f"analytics.{table.name}")
    if is_new:
        connection.execute(f"DELETE FROM analytics.{table.name}")
        connection.execute(f"INSERT INTO analytics.{table.name} BY NAME SELECT * FROM rows_now")
    connection.execute("DROP TABLE temp.rows_now")
    return is_new


def _update_attempts(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """Attempts of the changed days; those that differ from before name what else to rebuild."""
    connection.execute(
        "CREATE TEMP TABLE old_attempts AS SELECT a.* FROM analytics.attempt AS a "
        "SEMI JOIN changed_days USING (source, day)"
    )
    connection.execute(f"CREATE TEMP TABLE new_attempts AS {table.body}")
    connection.execute("CREATE TEMP TABLE removed AS FROM old_attempts EXCEPT FROM new_attempts")
    connection.execute("CREATE TEMP TABLE added AS FROM new_attempts EXCEPT FROM old_attempts")
    connection.execute(
        "DELETE FROM analytics.attempt AS a USING removed AS r "
        "WHERE a.source = r.source AND a.day = r.day AND a.task_id = r.task_id"
    )
    connection.execute("INSERT INTO analytics.attempt BY NAME SELECT * FROM added")
    connection.execute("CREATE TEMP TABLE changed_attempts AS FROM removed UNION ALL FROM added")
    for name in ("old_attempts", "new_attempts", "removed", "added"):
        connection.execute(f"DROP TABLE temp.{name}")
    connection.execute(_TOUCHED)
    connection.execute(_TOUCHED_BY_RECOVERY_POINT)
    connection.execute(
        "CREATE TEMP VIEW touched_backups AS SELECT a.* FROM analytics.attempt AS a "
        "SEMI JOIN touched USING (source, resource_id) WHERE a.operation_type = 'backup'"
    )
    connection.execute(
        "CREATE TEMP VIEW touched_schedules AS SELECT a.* FROM analytics.attempt AS a "
        "SEMI JOIN (SELECT source, schedule_id FROM changed_attempts WHERE operation_type = 'backup') AS c "
        "USING (source, schedule_id) WHERE a.operation_type = 'backup'"
    )
    return _has_rows(connection, "changed_attempts")


def _update_runs(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """All runs of the schedules whose attempts changed."""
    connection.execute(
        f"DELETE FROM analytics.{table.name} AS r USING "
        "(SELECT DISTINCT source, schedule_id FROM changed_attempts WHERE operation_type = 'backup') AS c "
        "WHERE r.source = c.source AND r.schedule_id = c.schedule_id"
    )
    connection.execute(f"INSERT INTO analytics.{table.name} BY NAME {table.body}")
    return _has_rows(connection, "(FROM changed_attempts WHERE schedule_id IS NOT NULL)")


def _update_by_resource(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """All rows of the touched resources."""
    if not _has_rows(connection, "touched"):
        return False
    connection.execute(
        f"DELETE FROM analytics.{table.name} AS a USING touched AS t "
        "WHERE a.source = t.source AND a.resource_id = t.resource_id"
    )
    connection.execute(f"INSERT INTO analytics.{table.name} BY NAME {table.body}")
    return True


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(connection.execute(f"SELECT EXISTS (FROM {table})").fetchall()[0][0])


_UPDATES = {
    "attempt": _update_attempts,
    "schedule_run": _update_runs,
    "resource_day": _update_by_resource,
    "recovery_point": _update_by_resource,
    "streak": _update_by_resource,
}
"""How each base table follows its inputs. The others are made whole: they are small, or their rows depend on
every resource of a policy.
"""


def update(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """Brings a base table up to its changed inputs.

    Args:
        connection: The warehouse being built, with the temporary views of what is touched.
        table: The base table.

    Returns:
        Whether its rows differ from before, as far as is known cheaply.
    """
    return _UPDATES.get(table.name, _replace_rows)(connection, table)


def differ(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> bool:
    """Whether two tables, or queries in parentheses, have other rows."""
    rows = connection.execute(
        f"SELECT EXISTS ((FROM {one} EXCEPT ALL FROM {other}) UNION ALL (FROM {other} EXCEPT ALL FROM {one}))"
    ).fetchall()
    return bool(rows[0][0])
