"""Fills the base tables whole, from shares of their inputs; ``follow_changes`` brings them up to changes.

Which of them to fill, and in which order, is decided by ``build``.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import isqrt

import duckdb

from cbr_warehouse.analytics.catalogue import Definition
from cbr_warehouse.analytics.create_schema import comment_on

TOUCHED_TABLES = ("tasks", "resources", "replications")
"""Tables of ``main`` whose rows of the days to build from are shown by views ``touched_<table>``."""

SHARE_ROWS = 100_000
"""Tasks, or backups, that base tables are made from at once: windows and lists do not spill to disk."""

DELETIONS_AT_ONCE = 260_000
"""Deletions that base tables are made from at once: a join of more of them spills to disk."""

OF_BACKUPS = {
    "schedule_run": ("touched_schedules", "schedule_id"),
    "resource_day": ("touched_backups", "resource_id"),
    "recovery_point": ("touched_backups", "resource_id"),
    "streak": ("touched_backups", "resource_id"),
}
"""Tables made from backups, with the name that these have in their queries and the key whose backups stay
together: windows go over the whole history of a resource.
"""

OF_DELETIONS = {"deletion": "touched_deletions"}
"""Tables made from tasks that delete, with the name that these have in their queries."""

ATTEMPTS_SHOWN = frozenset({name for name, _ in OF_BACKUPS.values()} | set(OF_DELETIONS.values()))
"""The names that attempts have in the queries of tables made from them."""

_DELETES = (
    "(a.operation_type IN ('delete', 'remove_resource', 'vault_delete') "
    "OR (a.operation_type = 'sync' AND a.sync_delete_backup_num > 0))"
)


def filled_together(tables: Iterable[Definition]) -> list[tuple[Definition, ...]]:
    """Tables in groups that are made from the same shares of backups, in their order."""
    groups = groupby(tables, lambda table: OF_BACKUPS.get(table.name, (table.name, "")))
    return [tuple(group) for _, group in groups]


def fill_whole(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Definition],
    *,
    has_comments: bool,
    part: tuple[int, int] = (0, 1),
) -> None:
    """Creates base tables with all their rows, from a share of their inputs at a time where there are many.

    Args:
        connection: The warehouse being built.
        tables: A group of ``filled_together``; the tables that they are made from are filled.
        has_comments: Whether the tables and their columns get comments.
        part: Which part of the resources or schedules, from 0, of how many; of tables made from backups.
    """
    verb = "CREATE OR REPLACE TABLE analytics.{} AS"
    is_attempt = tables[0].name == "attempt"
    for _ in shares_of_days(connection) if is_attempt else shares(connection, tables, part=part):
        for table in tables:
            connection.execute(f"{verb.format(table.name)} {table.body}")
        verb = "INSERT INTO analytics.{} BY NAME"
    for table in tables if has_comments else ():
        comment_on(connection, table, "TABLE")


def shares_of_days(connection: duckdb.DuckDBPyConnection, chosen: str = "true") -> Iterator[str]:
    """Shows the tasks and their children of some days after another, ``SHARE_ROWS`` tasks at most at once.

    Args:
        connection: The warehouse being built.
        chosen: Condition on the source and day of a row ``t``; all days by default.

    Yields:
        A condition by which a row ``t`` with a source and a day is of those that are shown.
    """
    days = connection.execute(
        f"SELECT day, count(*) FROM main.tasks AS t WHERE {chosen} GROUP BY day ORDER BY day"
    ).fetchall()
    begins, rows = ["-infinity"], 0
    for day, count in days:
        if rows and rows + count > SHARE_ROWS:
            begins.append(str(day))
            rows = 0
        rows += count
    for begin, end in pairwise([*begins, "infinity"]):
        is_shown = f"{chosen} AND t.day >= DATE '{begin}' AND t.day < DATE '{end}'"
        for table in TOUCHED_TABLES:
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW touched_{table} AS FROM main.{table} AS t WHERE {is_shown}"
            )
        yield is_shown


def shares(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Definition],
    changed: str = "",
    part: tuple[int, int] = (0, 1),
) -> Iterator[None]:
    """Shows some resources' or schedules' backups after another; all at once where there are few.

    Args:
        connection: The warehouse being built.
        tables: The base tables to make from what is shown; one share if not made from backups or deletions.
        changed: Join with attempts ``a`` that leaves only some of the backups or deletions; all by default.
        part: Which part of the keys, from 0, of how many.
    """
    table = tables[0].name
    if shown := OF_DELETIONS.get(table):
        condition = _DELETES
    elif table in OF_BACKUPS:
        shown, key = OF_BACKUPS[table]
        condition = f"a.operation_type = 'backup' AND a.{key} IS NOT NULL"
    else:
        yield
        return
    attempts = f"FROM analytics.attempt AS a {changed} WHERE {condition}"
    if changed and _are_few(connection, tables, shown, attempts):
        yield
        connection.execute(f"DROP TABLE temp.{shown}")
    elif table in OF_DELETIONS:
        yield from _shares_of_deletions(connection, shown, attempts)
    else:
        yield from _shares_of_backups(connection, tables, attempts, part)


def _are_few(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Definition], name: str, attempts: str
) -> bool:
    """Whether attempts fit into one share: then they are in a temporary table.

    What changed is looked for among all attempts. Counted first and then read, it would be looked for twice.
    """
    columns = named_columns(connection, [table.body for table in tables])
    connection.execute(
        f"CREATE TEMP TABLE {name} AS SELECT {columns} FROM (SELECT a.* {attempts}) LIMIT {SHARE_ROWS + 1}"
    )
    (count,) = connection.execute(f"SELECT count(*) FROM temp.{name}").fetchall()[0]
    if count <= SHARE_ROWS:
        return True
    connection.execute(f"DROP TABLE temp.{name}")
    return False


def _shares_of_backups(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Definition], backups: str, part: tuple[int, int]
) -> Iterator[None]:
    """Shows the backups of some resources or schedules after another."""
    name, key = OF_BACKUPS[tables[0].name]
    if part[1] > 1:  # with a hash that the shares below do not use
        backups += f" AND hash(a.{key}, 'part') % {part[1]} = {part[0]}"
    (count,) = connection.execute(f"SELECT count(*) {backups}").fetchall()[0]
    number = -(-count // SHARE_ROWS)
    if number <= 1:
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT a.* {backups}")
        yield
        connection.execute(f"DROP VIEW {name}")
        return
    columns = named_columns(connection, [table.body for table in tables])
    # Shares are read from groups of shares: reading all backups for each takes the square of the time.
    groups = isqrt(number)
    each = -(-number // groups)
    for group in range(groups):
        connection.execute(
            f"CREATE TEMP TABLE group_of_shares AS SELECT {columns}, hash({key}) AS key_hash "
            f"FROM (SELECT a.* {backups}) "
            f"WHERE hash({key}) % {groups} = {group}"
        )
        for number_in_group in range(each):
            # A table, not a view: queries are planned by its number of rows, and several read it.
            connection.execute(
                f"CREATE TEMP TABLE {name} AS SELECT * EXCLUDE (key_hash) FROM group_of_shares "
                f"WHERE key_hash // {groups} % {each} = {number_in_group}"
            )
            yield
            connection.execute(f"DROP TABLE temp.{name}")
        connection.execute("DROP TABLE temp.group_of_shares")


def _shares_of_deletions(connection: duckdb.DuckDBPyConnection, name: str, deletions: str) -> Iterator[None]:
    """Shows some deletions after another; few shares, since all recovery points are read for each."""
    (count,) = connection.execute(f"SELECT count(*) {deletions}").fetchall()[0]
    number = max(1, -(-count // DELETIONS_AT_ONCE))
    for share in range(number):
        of_share = f"AND hash(a.delete_backup_id) % {number} = {share}" if number > 1 else ""
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT a.* {deletions} {of_share}")
        yield
        connection.execute(f"DROP VIEW {name}")


def named_columns(connection: duckdb.DuckDBPyConnection, queries: Iterable[str]) -> str:
    """The columns of attempts whose names occur in queries, as a list of SQL."""
    words = {word for query in queries for word in re.findall(r"\w+", query)}
    columns = [name for name, *_ in connection.execute("DESCRIBE analytics.attempt").fetchall()]
    return ", ".join(name for name in columns if name in words)
