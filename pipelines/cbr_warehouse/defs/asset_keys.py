"""Names of assets, pools, jobs, schedules and tags. Users select by them, so they are never renamed."""

import dagster as dg

LOAD_JOB = "load"
LOAD_SCHEDULE = "load_schedule"
PUBLISH_JOB = "publish"
PUBLISH_SENSOR = "publish_sensor"
REPORT_JOB = "report_job"
REPORT_SCHEDULE = "report_schedule"
FAILED_RUNS_SENSOR = "failed_runs_sensor"
FAILED_CHECKS_SENSOR = "failed_checks_sensor"
RETENTION_JOB = "remove_old_runs"
RETENTION_SCHEDULE = "remove_old_runs_schedule"
WAREHOUSE_POOL = "warehouse"

SOURCE_TAG = "cbr-warehouse/source"
"""Tag of a scheduled run, with the name of the source that it loads."""


def raw_key(source: str) -> dg.AssetKey:
    """Key of the raw records of a source."""
    return dg.AssetKey(["raw", source])


def table_key(table: str) -> dg.AssetKey:
    """Key of a table as partitioned Parquet."""
    return dg.AssetKey(["tables", table])


def warehouse_key(table: str) -> dg.AssetKey:
    """Key of a table of the published warehouse."""
    return dg.AssetKey(["warehouse", table])


def analytics_key(name: str) -> dg.AssetKey:
    """Key of a base table or view of the analytics."""
    return dg.AssetKey(["analytics", name])


def report_key() -> dg.AssetKey:
    """Key of the report."""
    return dg.AssetKey(["report"])


def source_pool(source: str) -> str:
    """Pool of a source: of all concurrent runs, one at a time sends requests to it."""
    return f"source_{source}"
