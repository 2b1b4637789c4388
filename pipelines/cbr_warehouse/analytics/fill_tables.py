"""Fills the base tables: whole, or by the rows that the changed attempts touch.

Which of them to fill, and in which order, is decided by ``build``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from math import isqrt

import duckdb

from cbr_warehouse.analytics.catalogue import Definition
from cbr_warehouse.analytics.create_schema import comment_on

TOUCHED_TABLES = ("tasks", "resources", "replications")
"""Tables of ``main`` whose rows of the days to build from are shown by views ``touched_<table>``."""

SHARE_ROWS = 100_000
"""Tasks, or backups, that base tables are made from at once: windows and lists do not spill to disk."""

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


_OF_BACKUPS = {
    "schedule_run": ("touched_schedules", "schedule_id"),
    "resource_day": ("touched_backups", "resource_id"),
    "recovery_point": ("touched_backups", "resource_id"),
    "streak": ("touched_backups", "resource_id"),
}
"""Tables made from backups, with the name that these have in their queries and the key whose backups stay
together: windows go over the whole history of a resource.
"""

_CHANGED = {
    "touched_schedules": "SEMI JOIN (SELECT source, schedule_id FROM changed_attempts "
    "WHERE operation_type = 'backup') AS c USING (source, schedule_id)",
    "touched_backups": "SEMI JOIN touched USING (source, resource_id)",
}
"""What leaves only the backups of changed schedules or resources."""


def filled_together(tables: Iterable[Definition]) -> list[tuple[Definition, ...]]:
    """Tables in groups that are made from the same shares of backups, in their order."""
    groups = groupby(tables, lambda table: _OF_BACKUPS.get(table.name, (table.name, "")))
    return [tuple(group) for _, group in groups]


def fill_whole(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Definition], *, has_comments: bool
) -> None:
    """Creates base tables with all their rows, from a share of their inputs at a time where there are many.

    Args:
        connection: The warehouse being built.
        tables: A group of ``filled_together``; the tables that they are made from are filled.
        has_comments: Whether the tables and their columns get comments.
    """
    verb = "CREATE OR REPLACE TABLE analytics.{} AS"
    for _ in _shares_of_tasks(connection) if tables[0].name == "attempt" else _shares(connection, tables):
        for table in tables:
            connection.execute(f"{verb.format(table.name)} {table.body}")
        verb = "INSERT INTO analytics.{} BY NAME"
    for table in tables if has_comments else ():
        comment_on(connection, table, "TABLE")


def _shares_of_tasks(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Shows some days of the tasks and their children after another."""
    days = connection.execute("SELECT day, count(*) FROM main.tasks GROUP BY day ORDER BY day").fetchall()
    begins, rows = ["-infinity"], 0
    for day, count in days:
        if rows and rows + count > SHARE_ROWS:
            begins.append(str(day))
            rows = 0
        rows += count
    for begin, end in pairwise([*begins, "infinity"]):
        for table in TOUCHED_TABLES:
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW touched_{table} AS FROM main.{table} "
                f"WHERE day >= DATE '{begin}' AND day < DATE '{end}'"
            )
        yield


def _shares(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Definition],
    joins: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Shows some resources' or schedules' backups after another; all at once where there are few.

    Args:
        connection: The warehouse being built.
        tables: The base tables to make from what is shown; one share if they are not made from backups.
        joins: What leaves only some of the backups, by the name they have in queries; None for all.
    """
    if tables[0].name not in _OF_BACKUPS:
        yield
        return
    name, key = _OF_BACKUPS[tables[0].name]
    backups = (
        f"FROM analytics.attempt AS a {(joins or {}).get(name, '')} "
        f"WHERE a.operation_type = 'backup' AND a.{key} IS NOT NULL"
    )
    (count,) = connection.execute(f"SELECT count(*) {backups}").fetchall()[0]
    number = -(-count // SHARE_ROWS)
    if number <= 1:
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT a.* {backups}")
        yield
        connection.execute(f"DROP VIEW {name}")
        return
    columns = ", ".join(f"a.{column}" for column in _named_columns(connection, tables))
    # Shares are read from groups of shares: reading all backups for each takes the square of the time.
    groups = isqrt(number)
    each = -(-number // groups)
    for group in range(groups):
        connection.execute(
            f"CREATE TEMP TABLE group_of_shares AS SELECT {columns}, hash(a.{key}) AS key_hash {backups} "
            f"AND hash(a.{key}) % {groups} = {group}"
        )
        for part in range(each):
            # A table, not a view: queries are planned by its number of rows, and several read it.
            connection.execute(
                f"CREATE TEMP TABLE {name} AS SELECT * EXCLUDE (key_hash) FROM group_of_shares "
                f"WHERE key_hash // {groups} % {each} = {part}"
            )
            yield
            connection.execute(f"DROP TABLE temp.{name}")
        connection.execute("DROP TABLE temp.group_of_shares")


def _named_columns(connection: duckdb.DuckDBPyConnection, tables: Iterable[Definition]) -> list[str]:
    """The columns of attempts whose names occur in queries."""
    words = {word for table in tables for word in re.findall(r"\w+", table.body)}
    return [name for name, *_ in connection.execute("DESCRIBE analytics.attempt").fetchall() if name in words]


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
    return _has_rows(connection, "changed_attempts")


def _update_runs(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """All runs of the schedules whose attempts changed."""
    connection.execute(
        f"DELETE FROM analytics.{table.name} AS r USING "
        "(SELECT DISTINCT source, schedule_id FROM changed_attempts WHERE operation_type = 'backup') AS c "
        "WHERE r.source = c.source AND r.schedule_id = c.schedule_id"
    )
    _insert_changed(connection, table)
    return _has_rows(connection, "(FROM changed_attempts WHERE schedule_id IS NOT NULL)")


def _update_by_resource(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
    """All rows of the touched resources."""
    if not _has_rows(connection, "touched"):
        return False
    connection.execute(
        f"DELETE FROM analytics.{table.name} AS a USING touched AS t "
        "WHERE a.source = t.source AND a.resource_id = t.resource_id"
    )
    _insert_changed(connection, table)
    return True


def _insert_changed(connection: duckdb.DuckDBPyConnection, table: Definition) -> None:
    for _ in _shares(connection, [table], _CHANGED):
        connection.execute(f"INSERT INTO analytics.{table.name} BY NAME {table.body}")


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
