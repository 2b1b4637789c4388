"""What the analytics and the report read, from their queries: a view's assets cannot be forgotten.

Macros are no assets, since they are called with a time; who calls one reads what it reads.
"""

import re
from importlib.resources import files

import dagster as dg

from pipelines.analytics.catalogue import Definition, base_tables, parse_definition, views
from pipelines.contract.columns import Contract
from pipelines.defs.keys import analytics_key, warehouse_key

_READ = re.compile(r"\b(?:FROM|JOIN)\s+(?:main\.)?(\w+)\b(?!\.)")
_MADE_OF = {"touched_tasks": "tasks", "touched_backups": "attempt", "as_of": "loads"}
"""Names that stand for others while a warehouse is built."""


def read_by(definition: Definition, contract: Contract) -> frozenset[dg.AssetKey]:
    """The assets that a table, view or question of the analytics reads.

    Args:
        definition: What reads.
        contract: The tables of the warehouse.
    """
    known = {one.name: one for one in (*base_tables(), *views())}
    tables = {table.name for table in contract.tables}
    names = {_MADE_OF.get(name, name) for name in {*definition.needs, *_READ.findall(definition.body)}}
    found: set[dg.AssetKey] = set()
    for name in names - {definition.name}:
        if name in known and known[name].kind == "macro":
            found |= read_by(known[name], contract)
        elif name in known:
            found.add(analytics_key(name))
        elif name in tables:
            found.add(warehouse_key(name))
    return frozenset(found)


def read_by_report(contract: Contract) -> frozenset[dg.AssetKey]:
    """The assets that the report's questions read."""
    folder = files("pipelines.report").joinpath("sql")
    found: set[dg.AssetKey] = set()
    for entry in folder.iterdir():
        name = entry.name.removesuffix(".sql")
        found |= read_by(parse_definition(name, "question", entry.read_text(encoding="utf-8")), contract)
    return frozenset(found)
