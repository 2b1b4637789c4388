"""Content hashes of a published warehouse, by table, without the times of checks and sightings."""

from pathlib import Path

import duckdb

SEEN = (
    "first_seen_at",
    "last_seen_at",
    "end_seen_at",
    "last_news_at",
    "checked_at",
    "resolved_at",
    "progress_since",
)
"""Columns with times of checks, not content."""


def hashes(warehouse: Path) -> dict[str, str]:
    """The number of rows and a hash of all cells of every table but ``loads``, by table.

    Those of schema ``meta`` say from which files the warehouse was made, not what is in it.
    """
    found = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() "
            "WHERE schema_name <> 'meta' "
            "AND table_name NOT IN ('loads', 'as_of', 'finished_load', 'source_load', 'source_watermark')"
        ).fetchall()
        for schema, table in tables:
            columns = connection.execute(
                "SELECT column_name FROM duckdb_columns() WHERE schema_name = $1 AND table_name = $2 "
                "ORDER BY column_name",
                [schema, table],
            ).fetchall()
            cells = ", ".join(f'"{name}"' for (name,) in columns if name not in SEEN)
            rows, total = connection.execute(
                f'SELECT count(*), sum(hash({cells})::HUGEINT) FROM "{schema}"."{table}"'
            ).fetchall()[0]
            found[f"{schema}.{table}"] = f"{rows} rows, {total}"
    return found
