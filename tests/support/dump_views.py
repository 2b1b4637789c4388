"""Prints the content of views of a warehouse as one engine gives it; run as a program, with any DuckDB.

Usage: python dump_views.py FILE on|off [VIEW]... prints one JSON object: for each view (all, if none is
named) its rows in a fixed order, each number with all its digits. ``off`` is without DuckDB's optimizer.
"""

import json
import sys

import duckdb


def main() -> None:
    """Reads the arguments, prints the rows."""
    path, optimizer, *names = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{path}' AS warehouse (READ_ONLY)")
    if optimizer == "off":
        connection.execute("PRAGMA disable_optimizer")
    found = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE database_name = 'warehouse' AND schema_name = 'analytics'"
    ).fetchall()
    views = names or sorted(name for (name,) in found)
    answers = {view: rows(connection, view) for view in views}
    print(json.dumps({"version": duckdb.__version__, "views": answers}))  # noqa: T201  # the output is the rows


def rows(connection: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """The rows of a view, ordered, as text in which doubles that differ in a bit differ."""
    cursor = connection.execute(f"FROM warehouse.analytics.{view}")
    return sorted(repr([cell(value) for value in row]) for row in cursor.fetchall())


def cell(value: object) -> object:
    """A value as text that does not depend on the class of its time zone."""
    return value.isoformat() if hasattr(value, "isoformat") else value


if __name__ == "__main__":
    main()
