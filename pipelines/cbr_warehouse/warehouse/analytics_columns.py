"""The columns of schema ``analytics`` with their types, as a warehouse without a row has them.

The types of a view follow from its query, so only the database knows them. They are read once per process.
"""

from dataclasses import dataclass
from functools import cache

import duckdb

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.warehouse.ddl import create_statements


@dataclass(frozen=True)
class AnalyticsColumn:
    """A column of a base table or view.

    Attributes:
        name: Its name.
        type: Its type in DuckDB.
        description: What it holds.
    """

    name: str
    type: str
    description: str


@cache
def analytics_columns() -> dict[str, tuple[AnalyticsColumn, ...]]:
    """The columns of every base table and view, by its name, in order."""
    with without_pandas(), duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("ATTACH ':memory:' AS warehouse")
        connection.execute("USE warehouse")
        for statement in create_statements(read_contract()):
            connection.execute(statement)
        bring_up(connection, AnalyticsSettings(), ())
        rows = connection.execute(
            "SELECT table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns() "
            "WHERE database_name = 'warehouse' AND schema_name = 'analytics' "
            "ORDER BY table_name, column_index"
        ).fetchall()
    described = {one.name: one.columns for one in (*base_tables(), *views())}
    found: dict[str, tuple[AnalyticsColumn, ...]] = {}
    for table, name, kind, comment in rows:
        description = described.get(table, {}).get(name, comment)
        found[table] = (*found.get(table, ()), AnalyticsColumn(name, kind, description))
    return found
