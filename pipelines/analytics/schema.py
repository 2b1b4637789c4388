"""Makes schema ``analytics`` anew: its settings, the vendor's error codes, its views.

The base tables are filled by ``build``.
"""

from dataclasses import astuple, fields
from datetime import timedelta

import duckdb
import pyarrow as pa

from pipelines.analytics.catalogue import Definition, read_error_codes, views
from pipelines.settings.analytics import AnalyticsSettings, ScheduleOverride

_COMMENTS = {
    "meta.analytics": "The settings and definitions that schema analytics was made with.",
    "analytics.as_of": "One row: the watermark, up to which every source was loaded. Every view reads it "
    "as now; NULL before the first finished load.",
    "analytics.settings": "One row: what the numbers of this warehouse were made with.",
    "analytics.schedule_override": "Intervals told by the configuration under [[schedules]].",
    "analytics.error_code": "Error codes as the vendor documents them, in two languages.",
}

_SQL_TYPES = {
    "timezone": "VARCHAR",
    "day_anchor": "INTERVAL",
    "strikes": "INTEGER",
    "incident_resources": "INTEGER",
    "anomaly_z": "DOUBLE",
    "success_target": "DOUBLE",
}
"""Types of the columns of ``analytics.settings``; those not named are intervals."""


def create_schema(
    connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings, fingerprint: str
) -> None:
    """Makes the schema with all but the base tables and views.

    Args:
        connection: The warehouse being built, in its transaction.
        settings: What the analytics are set to.
        fingerprint: Tells these settings and definitions from others.
    """
    connection.execute("DROP SCHEMA IF EXISTS analytics CASCADE")
    connection.execute("CREATE SCHEMA analytics")
    connection.execute("CREATE OR REPLACE TABLE meta.analytics (fingerprint VARCHAR)")
    connection.execute("INSERT INTO meta.analytics VALUES ($1)", [fingerprint])
    connection.execute("CREATE TABLE analytics.as_of (as_of TIMESTAMPTZ)")
    _create_settings(connection, settings)
    _create_overrides(connection, settings.schedules)
    _create_error_codes(connection)
    for table, comment in _COMMENTS.items():
        connection.execute(f"COMMENT ON TABLE {table} IS '{comment}'")


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes every view and macro, with comments; the base tables are there."""
    for view in views():
        _create_view(connection, view)


def comment_on(connection: duckdb.DuckDBPyConnection, definition: Definition, kind: str) -> None:
    """Says in the warehouse what a table or view and its columns are."""
    connection.execute(f"COMMENT ON {kind} analytics.{definition.name} IS '{_quoted(definition.comment)}'")
    for column, description in definition.columns.items():
        connection.execute(
            f"COMMENT ON COLUMN analytics.{definition.name}.{column} IS '{_quoted(description)}'"
        )


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _create_settings(connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> None:
    names = [field.name for field in fields(settings) if field.name != "schedules"]
    columns = ", ".join(f"{name} {_SQL_TYPES.get(name, 'INTERVAL')}" for name in names)
    connection.execute(f"CREATE TABLE analytics.settings ({columns})")
    anchor = settings.day_anchor
    values = [
        timedelta(hours=anchor.hour, minutes=anchor.minute, seconds=anchor.second)
        if name == "day_anchor"
        else getattr(settings, name)
        for name in names
    ]
    marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    connection.execute(f"INSERT INTO analytics.settings VALUES ({marks})", values)


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
    codes = read_error_codes()
    table = pa.table(
        {
            "error_code": pa.array(list(codes), pa.string()),
            **{
                column: pa.array([told.get(key) for told in codes.values()], pa.string())
                for column, key in (
                    ("text_en", "en"),
                    ("advice_en", "en_action"),
                    ("text_zh", "zh"),
                    ("advice_zh", "zh_action"),
                )
            },
        }
    )
    connection.register("codes_told", table)
    connection.execute("CREATE TABLE analytics.error_code AS SELECT * FROM codes_told")
    connection.unregister("codes_told")


def _create_view(connection: duckdb.DuckDBPyConnection, view: Definition) -> None:
    if view.kind == "macro":
        connection.execute(f"CREATE MACRO analytics.{view.name}({view.arguments}) AS TABLE {view.body}")
        connection.execute(f"COMMENT ON MACRO TABLE analytics.{view.name} IS '{_quoted(view.comment)}'")
        return
    connection.execute(f"CREATE VIEW analytics.{view.name} AS {view.body}")
    comment_on(connection, view, "VIEW")
