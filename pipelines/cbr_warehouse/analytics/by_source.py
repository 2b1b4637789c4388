"""Fills the base tables of one source in steps, each in a file of its own, for workers that share the work.

First what depends on this source alone, then what is by resource or schedule, of all of them or of a part,
then what depends on the watermarks of all sources. The definitions and their statements are those of
``build``.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import duckdb

from cbr_warehouse.analytics.build import AS_OF, SOURCE_CLOCK, SOURCE_WATERMARK, drop_touched, fingerprint_of
from cbr_warehouse.analytics.catalogue import Definition, base_tables
from cbr_warehouse.analytics.create_schema import comment_on, create_schema, create_views
from cbr_warehouse.analytics.fill_tables import OF_BACKUPS, fill_whole, filled_together
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.sql_text import identifier, literal

Watermark = tuple[str, datetime, bool, datetime]
"""A row of ``analytics.source_watermark``."""

_OF_ALL_SOURCES = frozenset({"as_of", "source_watermark"})

_CONFIGURED = frozenset(
    {"settings", "configured_clock", "schedule_override", "error_code", "source_watermark", "as_of"}
)
"""Tables that each file has by itself, and that are not copied from one to the other."""

COPIED_TOGETHER = 64
"""Files of sources that are open at once when they are copied."""

TABLES_AT_ONCE = 2
"""Tables that are copied at once, by one thread each: the workers wait for it. Two threads for one table take
longer than one where memory is short."""


def steps() -> tuple[list[tuple[Definition, ...]], ...]:
    """The base tables of the three steps, in groups that are filled together."""
    own: list[tuple[Definition, ...]] = []
    by_key: list[tuple[Definition, ...]] = []
    rest: list[tuple[Definition, ...]] = []
    later = set(_OF_ALL_SOURCES) | OF_BACKUPS.keys()
    for tables in filled_together(base_tables()):
        if tables[0].name in OF_BACKUPS:
            by_key.append(tables)
        elif any(table.needs & later for table in tables):
            rest.append(tables)
            later |= {table.name for table in tables}
        else:
            own.append(tables)
    return own, by_key, rest


def fill_own(connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> None:
    """Fills what depends on one source alone.

    Args:
        connection: A file with the tables of this source, attached as ``warehouse`` and in use.
        settings: The settings of the analytics.
    """
    create_schema(connection, settings, fingerprint_of(settings), has_comments=False)
    connection.execute(SOURCE_CLOCK)
    _fill(connection, steps()[0])


def fill_by_key(
    connection: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    made: Sequence[Path],
    part: tuple[int, int],
) -> None:
    """Fills what is by resource or schedule, of those whose hash falls into a part.

    Args:
        connection: An empty file, attached as ``warehouse`` and in use.
        settings: The settings of the analytics.
        made: The files of the step before.
        part: Number of the part, from 0, and how many there are.
    """
    _create_beside(connection, settings, made)
    _fill(connection, steps()[1], part)


def fill_rest(
    connection: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    made: Sequence[Path],
    watermarks: Iterable[Watermark],
    as_of: datetime | None,
) -> None:
    """Fills what depends on the watermarks of all sources.

    Args:
        connection: An empty file, attached as ``warehouse`` and in use.
        settings: The settings of the analytics.
        made: The files of the steps before, of all parts.
        watermarks: The rows of ``analytics.source_watermark``, of all sources.
        as_of: The earliest watermark of those included, UTC.
    """
    _create_beside(connection, settings, made)
    for row in watermarks:
        connection.execute("INSERT INTO analytics.source_watermark VALUES ($1, $2, $3, $4)", list(row))
    connection.execute("INSERT INTO analytics.as_of VALUES ($1)", [as_of])
    _fill(connection, steps()[2])


def create_whole(connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> None:
    """Creates the schema into which the files of all sources are copied."""
    create_schema(connection, settings, fingerprint_of(settings), has_comments=True)


def join_watermarks(connection: duckdb.DuckDBPyConnection) -> tuple[list[Watermark], datetime | None]:
    """Joins what the sources' own watermarks amount to, once all were copied.

    Returns:
        The rows of ``analytics.source_watermark``, and ``as_of``, UTC.
    """
    connection.execute(SOURCE_WATERMARK)
    connection.execute(AS_OF)
    rows = connection.execute("FROM analytics.source_watermark ORDER BY source").fetchall()
    ((as_of,),) = connection.execute("FROM analytics.as_of").fetchall()
    return rows, as_of


def finish_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the views, and comments on the base tables, once all files were copied."""
    for table in base_tables():
        comment_on(connection, table, "TABLE")
    create_views(connection, has_comments=True)


def copy_made(connection: duckdb.DuckDBPyConnection, made: Sequence[Path]) -> None:
    """Copies every row of files of single sources into the warehouse of all.

    Args:
        connection: The warehouse being built, in a transaction.
        made: The files, which nobody writes to any more.
    """
    connection.execute("COMMIT")
    for first in range(0, len(made), COPIED_TOGETHER):
        _copy_together(connection, made[first : first + COPIED_TOGETHER])
    connection.execute("BEGIN")


def _copy_together(connection: duckdb.DuckDBPyConnection, made: Sequence[Path]) -> None:
    try:
        tables = _attach(connection, made)
        with ThreadPoolExecutor(TABLES_AT_ONCE, thread_name_prefix="copy") as pool:
            for copied in [pool.submit(_copy_table, connection.cursor(), *table) for table in tables.items()]:
                copied.result()
    finally:
        for number in range(len(made)):
            connection.execute(f"DETACH DATABASE IF EXISTS made_{number}")


def _copy_table(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, str], queries: Sequence[str]
) -> None:
    """Copies a table of all files: a transaction for each file and table would cost more than its rows."""
    schema, name = (identifier(part) for part in table)
    with connection:
        connection.execute("USE warehouse")
        connection.execute("BEGIN")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {schema}.{name} AS {queries[0]} LIMIT 0")
        connection.execute(f"INSERT INTO {schema}.{name} BY NAME {' UNION ALL BY NAME '.join(queries)}")
        connection.execute("COMMIT")


def _fill(
    connection: duckdb.DuckDBPyConnection,
    groups: Iterable[Sequence[Definition]],
    part: tuple[int, int] = (0, 1),
) -> None:
    for tables in groups:
        fill_whole(connection, tables, has_comments=False, part=part)
    drop_touched(connection)


def _create_beside(
    connection: duckdb.DuckDBPyConnection, settings: AnalyticsSettings, made: Sequence[Path]
) -> None:
    """Creates the schema, and a view on each table of other files, as if they were in this one."""
    connection.execute("CREATE SCHEMA meta")
    create_schema(connection, settings, "", has_comments=False)
    connection.execute("DROP TABLE analytics.source_clock")
    connection.execute("COMMIT")
    places = _attach(connection, made)
    connection.execute("BEGIN")
    show(
        connection,
        {
            (schema, table): " UNION ALL BY NAME ".join(parts)
            for (schema, table), parts in places.items()
            if schema != "meta"
        },
    )


def show(connection: duckdb.DuckDBPyConnection, queries: Mapping[tuple[str, str], str]) -> None:
    """Creates a view for each query, by schema and name."""
    for (schema, name), query in queries.items():
        connection.execute(f"CREATE VIEW {identifier(schema)}.{identifier(name)} AS {query}")


def _attach(connection: duckdb.DuckDBPyConnection, made: Sequence[Path]) -> dict[tuple[str, str], list[str]]:
    """Attaches files as ``made_0`` and so on; gives a query on each file that has it by schema and table."""
    queries: dict[tuple[str, str], list[str]] = {}
    for number, path in enumerate(made):
        connection.execute(f"ATTACH {literal(path)} AS made_{number} (READ_ONLY)")
        for schema, table in _tables(connection, f"made_{number}"):
            query = f"FROM made_{number}.{identifier(schema)}.{identifier(table)}"
            queries.setdefault((schema, table), []).append(query)
    return queries


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[tuple[str, str]]:
    """Schema and name of the tables of an attached file whose rows are those of a source."""
    rows: list[tuple[str, str]] = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 "
        "AND (schema_name, table_name) NOT IN (('meta', 'contract'), ('meta', 'analytics')) ORDER BY ALL",
        [database],
    ).fetchall()
    return [(schema, name) for schema, name in rows if schema != "analytics" or name not in _CONFIGURED]
