"""Creates schema ``analytics``: its settings, the vendor's error codes, its views and macros.

The base tables are filled by ``build``.
"""

from dataclasses import astuple
from datetime import time, timedelta

import duckdb

from cbr_warehouse.analytics.catalogue import Definition, read_error_codes, views
from cbr_warehouse.settings.analytics import THRESHOLDS, AnalyticsSettings, ScheduleOverride
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.storage.transactions import commit

_COMMENTS = {
    "meta.analytics": "Fingerprint of the settings and definitions that schema analytics was created with.",
    "analytics.as_of": "One row: the watermark up to which every source was loaded, except those excluded in "
    "source_watermark. Every view uses it as now; NULL before the first finished load.",
    "analytics.source_watermark": "One row per source with a finished load: up to when it was loaded. A "
    "source more than 30 days behind the newest, such as one no longer configured, is excluded from as_of.",
    "analytics.source_clock": "One row per source with tasks, loads or coverage: the time zone and the day "
    "anchor that its backup days and local times follow.",
    "analytics.configured_clock": "Time zones and day anchors that the configuration sets for one source.",
    "analytics.settings": "One row: the settings that the numbers of this warehouse depend on.",
    "analytics.schedule_override": "Intervals configured under [[schedules]].",
    "analytics.error_code": "Error codes as the vendor documents them, in two languages.",
}

_COLUMN_COMMENTS = {
    "as_of": {"as_of": "The watermark."},
    "source_watermark": {
        "source": "Name of the source.",
        "watermark": "The latest start, or end of range if earlier, of its finished loads.",
        "is_included": "Whether as_of waits for it: it is at most 30 days behind the newest watermark.",
        "observed_until": "Until when its data is judged: as_of, or its own watermark where it is excluded.",
    },
    "source_clock": {
        "source": "Name of the source.",
        "timezone": "Its time zone: an IANA name.",
        "day_anchor": "When its backup days begin in that zone, from midnight.",
    },
    "configured_clock": {
        "source": "Name of the source.",
        "timezone": "Its time zone; NULL for that of analytics.settings.",
        "day_anchor": "Its day anchor; NULL for that of analytics.settings.",
    },
    "settings": {
        "timezone": "Default time zone of backup days: an IANA name; see source_clock.",
        "day_anchor": "When a backup day begins in that zone, from midnight, by default; see source_clock.",
        **{name: threshold.meaning for name, threshold in THRESHOLDS.items()},
    },
    "schedule_override": {
        "backup_interval": "Longest planned wait between two backups.",
        "resource_id": "Of this resource: exactly one of these three is given.",
        "policy_id": "Or of all resources whose newest policy this is.",
        "vault_id": "Or of all resources in this vault.",
    },
    "error_code": {
        "error_code": "Error code.",
        "text_en": "The vendor's text.",
        "advice_en": "The vendor's advice.",
        "text_zh": "The text in Chinese.",
        "advice_zh": "The advice in Chinese.",
    },
}

_VIEWS_AT_ONCE = 8
"""Views that are created in one transaction: a comment on a column copies its view, and the copies are kept
until the transaction ends. Those of all views would take 40 MB.
"""

_SQL_TYPES = {str: "VARCHAR", int: "INTEGER", float: "DOUBLE", timedelta: "INTERVAL"}


def create_schema(
    connection: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    fingerprint: str,
    *,
    has_comments: bool,
) -> None:
    """Creates the schema with all but the base tables and views.

    Args:
        connection: The warehouse being built, in its transaction.
        settings: The settings of the analytics.
        fingerprint: Hash of these settings and definitions.
        has_comments: Whether its tables and their columns get comments.
    """
    connection.execute("DROP SCHEMA IF EXISTS analytics CASCADE")
    connection.execute("CREATE SCHEMA analytics")
    connection.execute("CREATE OR REPLACE TABLE meta.analytics (fingerprint VARCHAR)")
    connection.execute("INSERT INTO meta.analytics VALUES ($1)", [fingerprint])
    connection.execute("CREATE TABLE analytics.as_of (as_of TIMESTAMPTZ)")
    connection.execute(
        "CREATE TABLE analytics.source_watermark "
        "(source VARCHAR, watermark TIMESTAMPTZ, is_included BOOLEAN, observed_until TIMESTAMPTZ)"
    )
    connection.execute(
        "CREATE TABLE analytics.source_clock (source VARCHAR, timezone VARCHAR, day_anchor INTERVAL)"
    )
    create_settings(connection, settings)
    _create_configured_clocks(connection, settings)
    _create_overrides(connection, settings.schedules)
    _create_error_codes(connection)
    if has_comments:
        _comment_on_tables(connection)


def _comment_on_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for table, comment in _COMMENTS.items():
        connection.execute(f"COMMENT ON TABLE {table} IS {literal(comment)}")
    for table, columns in _COLUMN_COMMENTS.items():
        for column, comment in columns.items():
            connection.execute(f"COMMENT ON COLUMN analytics.{table}.{column} IS {literal(comment)}")


def create_views(connection: duckdb.DuckDBPyConnection, *, has_comments: bool) -> None:
    """Creates every view and macro; the base tables exist.

    Args:
        connection: The warehouse being built; in a transaction if there are to be comments.
        has_comments: Whether views and columns get comments.
    """
    for number, view in enumerate(views(), start=1):
        if view.kind == "macro":
            _create_macro(connection, view)
            continue
        connection.execute(f"CREATE VIEW analytics.{view.name} AS {view.body}")
        if has_comments:
            comment_on(connection, view, "VIEW")
            if number % _VIEWS_AT_ONCE == 0:
                commit(connection)


def comment_on(connection: duckdb.DuckDBPyConnection, definition: Definition, kind: str) -> None:
    """Writes the comments of a table or view and of its columns."""
    statements = [f"COMMENT ON {kind} analytics.{definition.name} IS {literal(definition.comment)}"]
    statements += [
        f"COMMENT ON COLUMN analytics.{definition.name}.{column} IS {literal(description)}"
        for column, description in definition.columns.items()
    ]
    connection.execute("; ".join(statements))


def create_settings(connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> None:
    """Creates ``analytics.settings``; the schema exists."""
    values = {
        "timezone": settings.timezone,
        "day_anchor": _since_midnight(settings.day_anchor),
        **{name: getattr(settings, name) for name in THRESHOLDS},
    }
    columns = ", ".join(f"{name} {_SQL_TYPES[type(value)]}" for name, value in values.items())
    connection.execute(f"CREATE TABLE analytics.settings ({columns})")
    marks = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    connection.execute(f"INSERT INTO analytics.settings VALUES ({marks})", list(values.values()))


def _since_midnight(anchor: time) -> timedelta:
    return timedelta(hours=anchor.hour, minutes=anchor.minute, seconds=anchor.second)


def _create_configured_clocks(connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> None:
    connection.execute(
        "CREATE TABLE analytics.configured_clock (source VARCHAR, timezone VARCHAR, day_anchor INTERVAL)"
    )
    for clock in settings.clocks:
        anchor = None if clock.day_anchor is None else _since_midnight(clock.day_anchor)
        connection.execute(
            "INSERT INTO analytics.configured_clock VALUES ($1, $2, $3)",
            [clock.source, clock.timezone, anchor],
        )


def _create_overrides(connection: duckdb.DuckDBPyConnection, schedules: tuple[ScheduleOverride, ...]) -> None:
    connection.execute(
        "CREATE TABLE analytics.schedule_override "
        "(backup_interval INTERVAL, resource_id VARCHAR, policy_id VARCHAR, vault_id VARCHAR)"
    )
    if schedules:
        connection.executemany(
            "INSERT INTO analytics.schedule_override VALUES ($1, $2, $3, $4)",
            [astuple(one) for one in schedules],
        )


def _create_error_codes(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE analytics.error_code "
        "(error_code VARCHAR, text_en VARCHAR, advice_en VARCHAR, text_zh VARCHAR, advice_zh VARCHAR)"
    )
    rows = (
        (code, *map(texts.get, ("en", "en_action", "zh", "zh_action")))
        for code, texts in read_error_codes().items()
    )
    values = (
        ", ".join("NULL" if value is None else literal(value) for value in row) for row in rows
    )  # one statement of literals: pyarrow is slow to import, and a statement a row slow to run
    connection.execute(f"INSERT INTO analytics.error_code VALUES {', '.join(f'({row})' for row in values)}")


def _create_macro(connection: duckdb.DuckDBPyConnection, macro: Definition) -> None:
    connection.execute(
        f"CREATE MACRO analytics.{macro.name}({macro.arguments}) AS TABLE {macro.qualified_body}"
    )
    connection.execute(f"COMMENT ON MACRO TABLE analytics.{macro.name} IS {literal(macro.comment)}")
