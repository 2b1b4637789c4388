"""Writes ``analytics/column_lineage.json``: which columns each column of the analytics is derived from.

Settings, and tables that only the build has, are left out; a count of rows is derived from no column.

Run by ``make docs``. The SQL parser that finds them is a tool of development; what Dagster shows is read from
the file, and a test fails while the file differs from the queries.
"""

import json
import re
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from cbr_warehouse.analytics.catalogue import Definition, base_tables, views
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.warehouse.analytics_columns import analytics_columns

PAGE = Path(__file__).parents[1] / "pipelines" / "cbr_warehouse" / "analytics" / "column_lineage.json"

TEMPORARY = {
    "touched_tasks": ("main", "tasks"),
    "touched_backups": ("analytics", "attempt"),
    "touched_schedules": ("analytics", "attempt"),
}
"""Tables of a build that have the rows of another to make again, by what they have the columns of."""

Columns = dict[str, list[str]]
_STAR = re.compile(r"COLUMNS\((\w+\.\* EXCLUDE \([^)]*\))\)")
"""``COLUMNS`` of a star alone is that star, which the parser knows."""


def column_lineage() -> dict[str, Columns]:
    """Of each base table and view, by column, what it is derived from, as ``schema.table.column``."""
    schema = _schema()
    found = {}
    for definition in (*base_tables(), *views()):
        if definition.kind != "macro":
            found[definition.name] = _of(definition, schema)
    return dict(sorted(found.items()))


def printed() -> str:
    """The contents of the file: a line for each column, so that a change is seen in a diff."""
    return json.dumps(column_lineage(), indent=1) + "\n"


def _schema() -> dict[str, dict[str, dict[str, str]]]:
    main = {
        table.name: {column.name: "VARCHAR" for column in table.columns} for table in read_contract().tables
    }
    analytics = {
        name: {one.name: one.type for one in columns} for name, columns in analytics_columns().items()
    }
    return {"main": main, "analytics": analytics}


def _of(definition: Definition, schema: dict[str, dict[str, dict[str, str]]]) -> Columns:
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
        schema=schema,
        validate_qualify_columns=False,
        identify=False,
    )
    scope = build_scope(qualified)
    columns: Columns = {}
    kept = {("main", table.name) for table in read_contract().tables}
    kept |= {("analytics", one.name) for one in (*base_tables(), *views())}
    for name in (column.name for column in analytics_columns()[definition.name]):
        node = lineage(name, qualified, schema=schema, dialect="duckdb", scope=scope, copy=False)
        sources = set()
        for one in node.walk():
            if isinstance(one.expression, exp.Table):
                table, column = one.expression, one.name.rpartition(".")[2]
                if (table.db, table.name) in kept and column in schema[table.db][table.name]:
                    sources.add(f"{table.db}.{table.name}.{column}")
        columns[name] = sorted(sources)
    return columns


if __name__ == "__main__":
    PAGE.write_text(printed(), encoding="utf-8")
