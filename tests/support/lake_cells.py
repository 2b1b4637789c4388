"""What a warehouse answers, cell by cell: to compare a DuckLake with the file that was published to it."""

import duckdb

from cbr_warehouse.analytics.catalogue import views
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import WarehousePlace

_AS_OF = "(SELECT as_of FROM analytics.as_of)"
_BEFORE = f"{_AS_OF} - INTERVAL 6 HOUR"

ARGUMENTS = {
    "as_known_at": _BEFORE,
    "backup_success_as_known_at": _BEFORE,
    "exposure": f"{_AS_OF} - INTERVAL 3 DAY, {_BEFORE}",
}
"""Arguments of each macro."""


def answers(place: WarehousePlace) -> dict[str, str]:
    """Columns with their types, number of rows, and a hash of all cells of each table, view and macro."""
    with open_published(place) as connection:
        return answers_of(connection)


def rows_of(place: WarehousePlace, *names: str) -> dict[str, str]:
    """Number of rows and a hash of all cells of tables: a DuckLake takes seconds of CPU for all views.

    Args:
        place: The warehouse.
        names: Names of the tables with their schemas; none for all.
    """
    with open_published(place) as connection:
        return rows_in(connection, *names)


def rows_in(connection: duckdb.DuckDBPyConnection, *names: str) -> dict[str, str]:
    """As :func:`rows_of`, of a warehouse that is open."""
    connection.execute("BEGIN")
    views_alone = {f"analytics.{view.name}" for view in views()}
    wanted = names or [name for name in _queries(connection) if "." in name and name not in views_alone]
    found = {name: _rows(connection, name) for name in wanted}
    connection.execute("COMMIT")
    return found


def answers_of(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """As :func:`answers`, of a warehouse that is open."""
    return {name: _answer(connection, query) for name, query in _queries(connection).items()}


def _queries(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    queries = {
        f"{schema}.{table}": f'"{schema}"."{table}"'
        for schema, table in connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'warehouse' "
            "AND schema_name IN ('main', 'analytics', 'meta') UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'warehouse' "
            "AND NOT internal ORDER BY ALL"
        ).fetchall()
    }
    for view in views():
        if view.kind == "macro":
            queries[view.name] = f"analytics.{view.name}({ARGUMENTS[view.name]})"
    return queries


def _answer(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    return _rows(connection, query, "typeof(any_value(t)), ")


def _rows(connection: duckdb.DuckDBPyConnection, query: str, also: str = "") -> str:
    # As text: a month and 30 days, 0.0 and -0.0 have the same hash.
    cells = f"SELECT {also}count(*), sum(hash(CAST(t AS VARCHAR))::HUGEINT) FROM {query} AS t"
    return str(connection.execute(cells).fetchall()[0])
