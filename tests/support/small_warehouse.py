"""A warehouse in memory with its analytics, built from rows: what ``support.small_log`` opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.warehouse.ddl import create_statements

IN_MEMORY = ":memory:"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Analytics:
    """A built warehouse in memory."""

    connection: duckdb.DuckDBPyConnection

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        found = self.connection.execute(sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def rows(self, view: str, where: str = "true", order: str = "ALL") -> list[dict[str, Any]]:
        """Rows of a view (or of a macro with its arguments), in a fixed order."""
        return self.query(f"SELECT * FROM analytics.{view} WHERE {where} ORDER BY {order}")

    def row(self, view: str, where: str = "true") -> dict[str, Any]:
        """The only row of a view."""
        found = self.rows(view, where)
        assert len(found) == 1, found
        return found[0]


def open_analytics(
    tables: Mapping[str, Rows], settings: AnalyticsSettings, place: str = IN_MEMORY, *, comments: bool = False
) -> Analytics:
    """Builds a warehouse and its analytics from rows of the contract's tables, with comments if asked for."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{place}' AS warehouse")
    connection.execute("USE warehouse")
    connection.execute("SET TimeZone = 'UTC'")
    contract = read_contract()
    for statement in create_statements(contract):
        if not statement.startswith("COMMENT"):
            connection.execute(statement)
    for table in contract.tables:
        if rows := tables.get(table.name):
            _insert(connection, table.name, [column.name for column in table.columns], rows)
    bring_up(connection, settings, (), has_comments=comments)
    return Analytics(connection)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Rows) -> None:
    unknown = {name for row in rows for name in row} - set(columns)
    assert not unknown, f"{table} has no column {unknown}"
    held = {column: [row.get(column) for row in rows] for column in columns}
    connection.register("rows_told", pa.table(held))
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_told")
    connection.unregister("rows_told")
