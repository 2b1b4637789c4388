"""Names of assets, pools, job and schedule. Users select by them, so they never change."""

import dagster as dg

LOAD_JOB = "load"
LOAD_SCHEDULE = "load_schedule"
REPORT_JOB = "report_job"
REPORT_SCHEDULE = "report_schedule"
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


def analytics_key(name: str) -> dg.AssetKey:
    """A base table or view of the analytics."""
    return dg.AssetKey(["analytics", name])


def report_key() -> dg.AssetKey:
    """The report."""
    return dg.AssetKey(["report"])


def source_pool(source: str) -> str:
    """The pool of a source: however many runs there are, one of them asks it."""
    return f"source_{source}"
