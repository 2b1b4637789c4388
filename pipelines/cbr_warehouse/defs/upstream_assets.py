"""Upstream assets of the analytics and the report, derived from their queries, so that none can be missing.

Macros are not assets, since they take a time; a query that calls one depends on what the macro reads.
"""

import re
from functools import cache

import dagster as dg

from cbr_warehouse.analytics.catalogue import Definition, base_tables, views
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.defs.asset_keys import analytics_key, warehouse_key
from cbr_warehouse.report.query_files import query_names, read_definition

_READ = re.compile(r"\b(?:FROM|JOIN)\s+(?:main\.)?(\w+)\b(?!\.)")
_WITHIN = re.compile(r"\b(\w+) AS (?:MATERIALIZED )?\(")
_MADE_OF = {
    "touched_tasks": warehouse_key("tasks"),
    "touched_resources": warehouse_key("resources"),
    "touched_replications": warehouse_key("replications"),
    "touched_backups": analytics_key("attempt"),
    "touched_schedules": analytics_key("attempt"),
    "as_of": warehouse_key("loads"),
    "source_watermark": warehouse_key("loads"),
}
"""Names of temporary and internal tables of the build, and the assets that they are derived from."""


def read_by(definition: Definition, contract: Contract) -> frozenset[dg.AssetKey]:
    """The assets that a table, view or report query reads.

    Args:
        definition: The definition whose query is examined.
        contract: The tables of the warehouse.
    """
    known = {one.name: one for one in (*base_tables(), *views())}
    found: set[dg.AssetKey] = set()
    for name in definition.needs & known.keys():
        is_macro = known[name].kind == "macro"
        found |= read_by(known[name], contract) if is_macro else {analytics_key(name)}
    plain = _names_read(definition.body)
    found |= {warehouse_key(table.name) for table in contract.tables if table.name in plain}
    made_of = {_MADE_OF[name] for name in definition.needs | plain if name in _MADE_OF}
    return frozenset(found | made_of)


@cache
def _names_read(query: str) -> frozenset[str]:
    """Tables that a query names without a schema or with ``main``, but those that it defines itself."""
    return frozenset(_READ.findall(query)) - frozenset(_WITHIN.findall(query))


def read_by_report(contract: Contract) -> frozenset[dg.AssetKey]:
    """The assets that the report's queries read."""
    found: set[dg.AssetKey] = set()
    for name in query_names():
        found |= read_by(read_definition(name), contract)
    return frozenset(found)
