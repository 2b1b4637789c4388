"""Brings base tables up to the attempts that changed: rows before a change that it cannot reach stay.

The statements in ``sql/touched`` say how far the changes reach. Filling base tables whole is ``fill_tables``.
"""

from collections.abc import Callable

import duckdb

from cbr_warehouse.analytics.catalogue import Definition, read_statement
from cbr_warehouse.analytics.fill_tables import named_columns, shares, shares_of_days

TOUCHED = (
    "touched_day",
    "touched_point",
    "touched_resource",
    "changed_schedule",
    "later_checkpoint",
    "touched_schedule",
    "touched_deletion",
)
"""What the changed attempts touch: days, recovery points, deletions, and from where streaks and runs.

The tables of schedules are made one after the other, so that DuckDB knows how few rows each of them has.
"""

_JOIN_DAYS = "SEMI JOIN touched_day AS c USING (source, resource_id, backup_day)"
_JOIN_POINTS = (
    "SEMI JOIN touched_point AS c ON c.source = a.source AND c.task_id = a.task_id "
    # Beside the ids, which are found among all of them: parts of the table that are older are left out.
    "AND a.created_at >= (SELECT min(created_at) FROM touched_point)"
)
_JOIN_DELETIONS = "SEMI JOIN touched_deletion AS c USING (source, task_id)"
_JOIN_RESOURCES = (
    "JOIN touched_resource AS c ON c.source = a.source AND c.resource_id = a.resource_id "
    "AND (a.created_at, a.task_id) >= (c.since, c.since_task_id) "
    "AND a.created_at >= (SELECT min(since) FROM touched_resource)"
)
_JOIN_SCHEDULES = (
    "JOIN touched_schedule AS c ON c.source = a.source AND c.schedule_id = a.schedule_id "
    "AND a.created_at >= c.since AND a.created_at >= (SELECT min(since) FROM touched_schedule)"
)


def update(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """Brings a base table up to its changed inputs.

    Args:
        connection: The warehouse being built, with ``changed_days``.
        table: The base table.

    Returns:
        Whether its rows differ from before, as far as is known cheaply.
    """
    return _UPDATES.get(table.name, _replace_rows)(connection, table)


def differ(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> bool:
    """Whether two tables, or queries in parentheses, have other rows."""
    # EXCEPT ALL numbers equal rows by a window over all columns, which takes ten times as long.
    sides = f"SELECT *, 1 AS side FROM {one} UNION ALL SELECT *, -1 FROM {other}"
    rows = connection.execute(
        f"SELECT EXISTS (SELECT * EXCLUDE (side), sum(side) AS n FROM ({sides}) GROUP BY ALL HAVING n <> 0)"
    ).fetchall()
    return bool(rows[0][0])


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
    """Attempts of the changed days; those that differ from before name what else to make again."""
    statements = {name: read_statement("touched", name) for name in TOUCHED}
    columns = named_columns(connection, statements.values())
    connection.execute(
        f"CREATE TEMP TABLE changed_attempts AS SELECT {columns} FROM analytics.attempt LIMIT 0"
    )
    for is_shown in shares_of_days(connection, "(t.source, t.day) IN (FROM changed_days)"):
        connection.execute(f"CREATE TEMP TABLE new_attempts AS {table.body}")
        connection.execute(f"CREATE TEMP TABLE old_attempts AS FROM analytics.attempt AS t WHERE {is_shown}")
        # EXCEPT hashes all columns of all rows, which takes four times as long.
        connection.execute(
            "CREATE TEMP TABLE differing AS SELECT "
            "coalesce(n.source, o.source) AS source, coalesce(n.day, o.day) AS day, "
            "coalesce(n.task_id, o.task_id) AS task_id FROM old_attempts AS o FULL JOIN new_attempts AS n "
            "ON n.source = o.source AND n.day = o.day AND n.task_id = o.task_id WHERE n IS DISTINCT FROM o"
        )
        added = "FROM new_attempts SEMI JOIN differing USING (source, day, task_id)"
        removed = "FROM old_attempts SEMI JOIN differing USING (source, day, task_id)"
        for rows in (removed, added):
            connection.execute(f"INSERT INTO changed_attempts SELECT {columns} {rows}")
        connection.execute(
            "DELETE FROM analytics.attempt AS a USING differing AS d "
            "WHERE a.source = d.source AND a.day = d.day AND a.task_id = d.task_id"
        )
        connection.execute(f"INSERT INTO analytics.attempt {added}")
        for name in ("old_attempts", "new_attempts", "differing"):
            connection.execute(f"DROP TABLE temp.{name}")
    for name, statement in statements.items():
        connection.execute(f"CREATE TEMP TABLE {name} AS {statement}")
    return _has_rows(connection, "changed_attempts")


def _update_runs(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """The runs of the touched schedules that began where they are made again, or later."""
    return _replace_touched(
        connection,
        table,
        "touched_schedule",
        "o.source = c.source AND o.schedule_id = c.schedule_id AND o.run_started_at >= c.since",
        _JOIN_SCHEDULES,
    )


def _update_days(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """The touched backup days."""
    same = "o.source = c.source AND o.resource_id = c.resource_id AND o.backup_day = c.backup_day"
    return _replace_touched(connection, table, "touched_day", same, _JOIN_DAYS)


def _update_points(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """The touched recovery points."""
    same = "o.source = c.source AND o.task_id = c.task_id"
    return _replace_touched(connection, table, "touched_point", same, _JOIN_POINTS)


def _update_deletions(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """The touched deletions."""
    same = "o.source = c.source AND o.task_id = c.task_id"
    return _replace_touched(connection, table, "touched_deletion", same, _JOIN_DELETIONS)


def _update_streaks(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """The streaks of the touched resources that end where they are made again, or later."""
    connection.execute(
        "CREATE TEMP TABLE kept_streaks AS "
        "SELECT o.source, o.resource_id, count(*) AS streaks "
        f"FROM analytics.{table.name} AS o "
        "JOIN touched_resource AS c ON c.source = o.source AND c.resource_id = o.resource_id "
        "WHERE (o.last_failed_at, o.last_task_id) < (c.since, c.since_task_id) GROUP BY ALL"
    )
    body = (
        f"SELECT s.* REPLACE (s.streak + coalesce(k.streaks, 0) AS streak) FROM ({table.body}) AS s "
        "LEFT JOIN kept_streaks AS k ON k.source = s.source AND k.resource_id = s.resource_id"
    )
    is_new = _replace_touched(
        connection,
        table,
        "touched_resource",
        "o.source = c.source AND o.resource_id = c.resource_id "
        "AND (o.last_failed_at, o.last_task_id) >= (c.since, c.since_task_id)",
        _JOIN_RESOURCES,
        body,
    )
    connection.execute("DROP TABLE temp.kept_streaks")
    return is_new


def _replace_touched(
    connection: duckdb.DuckDBPyConnection,
    table: Definition,
    touched: str,
    is_touched: str,
    join: str,
    body: str = "",
) -> bool:
    """Replaces the rows that are touched; returns whether any is.

    Args:
        connection: The warehouse being built.
        table: The base table.
        touched: The table of what is touched.
        is_touched: Condition by which a row ``o`` of the base table belongs to a row ``c`` of it.
        join: Join that leaves the attempts ``a`` from which the rows are made again.
        body: The query of the rows, if it is not that of the table.
    """
    if not _has_rows(connection, touched):
        return False
    connection.execute(f"DELETE FROM analytics.{table.name} AS o USING {touched} AS c WHERE {is_touched}")
    for _ in shares(connection, [table], join):
        connection.execute(f"INSERT INTO analytics.{table.name} BY NAME {body or table.body}")
    return True


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(connection.execute(f"SELECT EXISTS (FROM {table})").fetchall()[0][0])


_UPDATES: dict[str, Callable[[duckdb.DuckDBPyConnection, Definition], bool]] = {
    "attempt": _update_attempts,
    "schedule_run": _update_runs,
    "resource_day": _update_days,
    "recovery_point": _update_points,
    "streak": _update_streaks,
    "deletion": _update_deletions,
}
"""How each base table follows its inputs. The others are made whole: they are small, or their rows depend on
every resource of a policy.
"""
