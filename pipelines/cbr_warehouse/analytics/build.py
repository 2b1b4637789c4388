"""Brings schema ``analytics`` up to date with the tables of the warehouse, in the transaction that builds it.

Base tables follow the partitions that changed; views are definitions only. After a change of a
setting or of a definition the whole schema is created again.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cache

import duckdb

from cbr_warehouse.analytics.catalogue import Definition, base_tables, views
from cbr_warehouse.analytics.create_schema import create_schema, create_views
from cbr_warehouse.analytics.fill_tables import ATTEMPTS_SHOWN, TOUCHED_TABLES, fill_whole, filled_together
from cbr_warehouse.analytics.follow_changes import TOUCHED, differ, update
from cbr_warehouse.settings.analytics import AnalyticsSettings

SOURCE_WATERMARK = """
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

AS_OF = "INSERT INTO analytics.as_of SELECT min(watermark) FROM analytics.source_watermark WHERE is_included"

SOURCE_CLOCK = """
INSERT INTO analytics.source_clock
SELECT k.source, coalesce(c.timezone, s.timezone), coalesce(c.day_anchor, s.day_anchor)
FROM (
    SELECT source FROM main.tasks UNION SELECT source FROM main.loads UNION SELECT source FROM main.coverage
) AS k
CROSS JOIN analytics.settings AS s
LEFT JOIN analytics.configured_clock AS c ON c.source = k.source
"""


def bring_up(
    connection: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    changed: Iterable[tuple[str, str]],
    *,
    others: Iterable[str] = (),
    has_comments: bool = True,
) -> None:
    """Brings the analytics up to date with the tables.

    A base table none of whose inputs changed is left as it is; after a load without news that is nearly all.

    Args:
        connection: The warehouse being built, in its transaction, attached as ``warehouse`` and in use, with
            ``loads`` and ``coverage`` as they will be published.
        settings: The settings of the analytics.
        changed: Partitions (source, day) of the tables that were replaced.
        others: Other tables that have other rows than before, such as ``main.vaults``; or
            ``main.vaults.last_seen_at`` where nothing differs but that.
        has_comments: Whether tables, views and columns get comments: a quarter of the work of creating them.

    Raises:
        duckdb.Error: A definition does not fit the tables; nothing is published then.
    """
    changed = sorted(changed)
    fingerprint = fingerprint_of(settings)
    rebuild_all = _stored_fingerprint(connection) != fingerprint
    if rebuild_all:
        create_schema(connection, settings, fingerprint, has_comments=has_comments)
    else:
        _list_changed_days(connection, changed)
    news = {"main.loads", "main.coverage", *others}
    if changed or rebuild_all:
        news |= _OF_PARTITIONS
    if _refill(connection, "source_clock", SOURCE_CLOCK):
        news.add("analytics.source_clock")
    for tables in filled_together(base_tables()):
        if rebuild_all:
            fill_whole(connection, tables, has_comments=has_comments)
        for table in () if rebuild_all else tables:
            if _inputs(table) & news and update(connection, table):
                news.add(f"analytics.{table.name}")
        if tables[0].name == "source_load":
            news |= _refill_watermarks(connection)
    drop_touched(connection)
    if rebuild_all:
        create_views(connection, has_comments=has_comments)


def is_current(connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> bool:
    """Whether the schema of a warehouse was created with these settings and the present definitions."""
    return _stored_fingerprint(connection) == fingerprint_of(settings)


def drop_touched(connection: duckdb.DuckDBPyConnection) -> None:
    """Drops what showed the tasks that base tables were made from."""
    for table in TOUCHED_TABLES:
        connection.execute(f"DROP VIEW IF EXISTS touched_{table}")
    for name in (*TOUCHED, "changed_attempts", "changed_days"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


_OF_PARTITIONS = frozenset(
    {
        *(f"touched_{table}" for table in TOUCHED_TABLES),
        "main.tasks",
        "main.resources",
        "main.replications",
        "main.task_versions",
        "main.quarantine",
    }
)
"""What changes with partitions of the tables."""

_INPUT = re.compile(r"\b(?:main|analytics)\.\w+|\btouched_\w+")


def _inputs(table: Definition) -> frozenset[str]:
    """The tables and views that a base table is made from."""
    inputs = frozenset(_INPUT.findall(table.body))
    if "last_seen_at" in table.body:
        inputs |= {f"{one}.last_seen_at" for one in inputs}
    # What shows attempts are views of them, made with them.
    return inputs - ATTEMPTS_SHOWN | ({"analytics.attempt"} if inputs & ATTEMPTS_SHOWN else set())


def _refill(connection: duckdb.DuckDBPyConnection, table: str, statement: str) -> bool:
    """Replaces the rows of a small table; returns whether they differ from before."""
    connection.execute(f"CREATE TEMP TABLE rows_before AS FROM analytics.{table}")
    connection.execute(f"DELETE FROM analytics.{table}")
    connection.execute(statement)
    is_new = differ(connection, "rows_before", f"analytics.{table}")
    connection.execute("DROP TABLE temp.rows_before")
    return is_new


def _refill_watermarks(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The watermarks that follow from the loads; returns those that differ in more than time has gone on."""
    excluded = "SELECT source, is_included, CASE WHEN NOT is_included THEN watermark END AS excluded_at"
    connection.execute(f"CREATE TEMP TABLE excluded_before AS {excluded} FROM analytics.source_watermark")
    _refill(connection, "source_watermark", SOURCE_WATERMARK)
    is_new = differ(connection, "excluded_before", f"({excluded} FROM analytics.source_watermark)")
    connection.execute("DROP TABLE temp.excluded_before")
    news = {"analytics.source_watermark"} if is_new else set()
    return news | ({"analytics.as_of"} if _refill(connection, "as_of", AS_OF) else set())


def fingerprint_of(settings: AnalyticsSettings) -> str:
    """A hash of the settings and of all definitions."""
    return hashlib.sha256(f"{settings!r}\n{_printed_definitions()}".encode()).hexdigest()


@cache
def _printed_definitions() -> str:
    return "\n".join(one.comment + repr(one) for one in (*base_tables(), *views()))


def _stored_fingerprint(connection: duckdb.DuckDBPyConnection) -> str | None:
    tables = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = 'meta' AND table_name = 'analytics'"
    ).fetchall()
    if not tables[0][0]:
        return None
    rows = connection.execute("SELECT fingerprint FROM meta.analytics").fetchall()
    return str(rows[0][0]) if rows else None


def _list_changed_days(connection: duckdb.DuckDBPyConnection, changed: list[tuple[str, str]]) -> None:
    """Makes ``changed_days`` of the changed partitions."""
    connection.execute("CREATE TEMP TABLE changed_days (source VARCHAR, day DATE)")
    if changed:
        connection.executemany("INSERT INTO changed_days VALUES ($1, TRY_CAST($2 AS DATE))", changed)
