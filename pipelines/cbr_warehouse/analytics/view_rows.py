"""The rows of every view, computed source by source and kept as tables.

Each source's rows are what the definitions say of the base tables narrowed to that source; the few tables
with a row a source stay whole, because a view may compare a source with the others.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from cbr_warehouse.analytics.by_source import show
from cbr_warehouse.analytics.catalogue import Definition, views
from cbr_warehouse.analytics.create_schema import comment_on
from cbr_warehouse.storage.sql_text import identifier, literal

_WHOLE = frozenset({"source_load", "source_watermark", "source_clock", "configured_clock"})
"""Tables with a row a source."""


_TABLES = """
SELECT table_name, bool_or(column_name = 'source')
FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name)
WHERE database_name = 'published' AND schema_name = 'analytics'
GROUP BY table_name
"""
"""Tables of the analytics, and whether they have a column for the source."""


def stored_views() -> tuple[Definition, ...]:
    """The views whose rows are stored; macros need arguments."""
    return tuple(view for view in views() if view.kind == "view")


def compute_views(connection: duckdb.DuckDBPyConnection, published: Path, source: str) -> None:
    """Computes the rows of a source in every view.

    Args:
        connection: An empty file, attached as ``warehouse`` and in use; it gets a table for each view.
        published: A published warehouse, which nobody writes to.
        source: Name of the source.
    """
    connection.execute(f"ATTACH {literal(published)} AS published (READ_ONLY)")
    connection.execute("CREATE SCHEMA analytics")
    tables = connection.execute(_TABLES).fetchall()
    own = f"WHERE source = {literal(source)}"
    queries = {
        ("analytics", table): f"FROM published.analytics.{identifier(table)} "
        f"{own if has_source and table not in _WHOLE else ''}"
        for table, has_source in tables
    }
    show(connection, queries)
    for view in stored_views():
        connection.execute(f"CREATE VIEW analytics.{view.name} AS {view.body}")
    for view in stored_views():
        rows = f"FROM analytics.{view.name} {own if 'source' in view.columns else ''}"
        connection.execute(f"CREATE TABLE {view.name} AS {rows}")


def join_views(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> None:
    """Copies the rows of all sources into tables of schema ``analytics``.

    Args:
        connection: An empty file, attached as ``warehouse`` and in use.
        files: The files of the sources, at least one.
    """
    connection.execute("CREATE SCHEMA analytics")
    for file in files:
        connection.execute(f"ATTACH {literal(file)} AS made (READ_ONLY)")
        for view in stored_views():
            name = f"analytics.{view.name}"
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM made.main.{view.name} LIMIT 0")
            connection.execute(f"INSERT INTO {name} BY NAME FROM made.main.{view.name}")
        connection.execute("DETACH made")
    for view in stored_views():
        if "source" not in view.columns:  # each source has its own values, and those of all
            name = f"analytics.{view.name}"
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT DISTINCT * FROM {name}")
        comment_on(connection, view, "TABLE")
