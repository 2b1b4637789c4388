"""Names of assets, pools, job and schedule. Users select by them, so they never change."""

import dagster as dg

LOAD_JOB = "load"
LOAD_SCHEDULE = "load_schedule"
WAREHOUSE_POOL = "warehouse"


def raw_key(source: str) -> dg.AssetKey:
    """What was received from a source."""
    return dg.AssetKey(["raw", source])


def table_key(table: str) -> dg.AssetKey:
    """A table as Parquet partitions."""
    return dg.AssetKey(["tables", table])


def warehouse_key(table: str) -> dg.AssetKey:
    """A table of the published warehouse."""
    return dg.AssetKey(["warehouse", table])


def source_pool(source: str) -> str:
    """The pool of a source: however many runs there are, one of them asks it."""
    return f"source_{source}"
