"""Writes ``analytics/columns.json``: the columns of the analytics, with types, descriptions and lineage.

Types are those of a warehouse without a row. Of the lineage, settings and tables that only the build has are
left out; a count of rows is derived from no column.

Run by ``make docs``. The SQL parser that finds the lineage is a tool of development; what Dagster shows is
read from the file, and a test fails while the file differs from the queries.
"""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema, Schema

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.analytics.catalogue import Definition, base_tables, views
from cbr_warehouse.analytics.columns import FILE
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.warehouse.ddl import create_statements

PAGE = Path(__file__).parents[1] / "pipelines" / "cbr_warehouse" / "analytics" / FILE

TEMPORARY = {
    "touched_tasks": ("main", "tasks"),
    "touched_resources": ("main", "resources"),
    "touched_replications": ("main", "replications"),
    "touched_backups": ("analytics", "attempt"),
    "touched_schedules": ("analytics", "attempt"),
    "touched_deletions": ("analytics", "attempt"),
}
"""Tables of a build that have the rows of another to make again, by what they have the columns of."""

Columns = dict[str, list[str]]
_STAR = re.compile(r"COLUMNS\((\w+\.\* EXCLUDE \([^)]*\))\)")
"""``COLUMNS`` of a star alone is that star, which the parser knows."""


def columns_of_the_analytics() -> dict[str, dict[str, dict[str, Any]]]:
    """Of each base table and view, by column: its type, its description, and what it is derived from."""
    described = _described()
    schema = {
        "main": {
            table.name: {column.name: "VARCHAR" for column in table.columns}
            for table in read_contract().tables
        },
        "analytics": {
            name: {column: one["type"] for column, one in columns.items()}
            for name, columns in described.items()
        },
    }
    mapped = MappingSchema(schema, dialect="duckdb")  # made once: it normalizes every name
    for definition in (*base_tables(), *views()):
        if definition.kind != "macro":
            for column, found in _lineage(definition, schema, mapped).items():
                described[definition.name][column]["derived_from"] = found
    return described


def printed() -> str:
    """The contents of the file: lines for each column, so that a change is seen in a diff."""
    return json.dumps(columns_of_the_analytics(), indent=1, ensure_ascii=False) + "\n"


def _described() -> dict[str, dict[str, dict[str, Any]]]:
    with without_pandas(), duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("ATTACH ':memory:' AS warehouse")
        connection.execute("USE warehouse")
        for statement in create_statements(read_contract()):
            connection.execute(statement)
        connection.execute("BEGIN")  # views with comments are created in several transactions
        bring_up(connection, AnalyticsSettings(), ())
        rows = connection.execute(
            "SELECT table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns() "
            "WHERE database_name = 'warehouse' AND schema_name = 'analytics' "
            "ORDER BY table_name, column_index"
        ).fetchall()
    of_definitions = {one.name: one.columns for one in (*base_tables(), *views())}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for table, name, kind, comment in rows:
        description = of_definitions.get(table, {}).get(name, comment)
        found.setdefault(table, {})[name] = {"type": kind, "description": description, "derived_from": []}
    return found


def _lineage(definition: Definition, schema: dict[str, dict[str, dict[str, str]]], mapped: Schema) -> Columns:
    query = sqlglot.parse_one(_STAR.sub(r"\1", definition.body), dialect="duckdb")
    for table in query.find_all(exp.Table):
        if table.name in TEMPORARY and not table.db:
            schema_name, name = TEMPORARY[table.name]
            alias = table.alias or table.name
            table.replace(exp.alias_(exp.table_(name, db=schema_name), alias, table=True))
    qualified = qualify(
        query,
        dialect="duckdb",
        db="main",
        schema=mapped,
        validate_qualify_columns=False,
        identify=False,
    )
    scope = build_scope(qualified)
    columns: Columns = {}
    kept = {("main", table.name) for table in read_contract().tables}
    kept |= {("analytics", one.name) for one in (*base_tables(), *views())}
    # Of all columns at once, and with whole selects for sources: else each step of each column copies one.
    nodes = lineage(
        None, qualified, schema=mapped, dialect="duckdb", scope=scope, copy=False, trim_selects=False
    )
    for name in schema["analytics"][definition.name]:
        sources = set()
        for one in nodes[name].walk():
            if isinstance(one.expression, exp.Table):
                table, column = one.expression, one.name.rpartition(".")[2]
                if (table.db, table.name) in kept and column in schema[table.db][table.name]:
                    sources.add(f"{table.db}.{table.name}.{column}")
        columns[name] = sorted(sources)
    return columns


if __name__ == "__main__":
    PAGE.write_text(printed(), encoding="utf-8")
