"""Names of assets, pools, jobs, schedules and tags. Users select by them, so they are never renamed."""

from collections.abc import Iterable

import dagster as dg

from cbr_warehouse.defs.name_prefix import use_name_prefix
from cbr_warehouse.settings.model import SourceSettings

_PREFIX = use_name_prefix()


def named(name: str) -> str:
    """The name of a job, schedule, sensor or step in this code location."""
    return f"{_PREFIX.jobs}{name}"


def folder_of(key: dg.AssetKey) -> str | None:
    """The first part of a key of this code location, the prefix aside; None of any other key."""
    count = len(_PREFIX.keys)
    is_own = tuple(key.path[:count]) == _PREFIX.keys and len(key.path) > count
    return key.path[count] if is_own else None


LOAD_JOB = named("load")
LOAD_SCHEDULE = named("load_schedule")
PUBLISH_JOB = named("publish")
PUBLISH_SENSOR = named("publish_sensor")
REPORT_JOB = named("report_job")
REPORT_SCHEDULE = named("report_schedule")
FAILED_RUNS_SENSOR = named("failed_runs_sensor")
FAILED_CHECKS_SENSOR = named("failed_checks_sensor")
RETENTION_JOB = named("remove_old_runs")
RETENTION_SCHEDULE = named("remove_old_runs_schedule")
ACCOUNTS_JOB = named("find_projects")
ACCOUNTS_SCHEDULE = named("find_projects_schedule")
WAREHOUSE_POOL = "warehouse"

SOURCE_TAG = "cbr-warehouse/source"
"""Tag of a scheduled run, with the name of the source that it loads."""

QUIET_TAG = "cbr-warehouse/no-news"
"""Tag of a scheduled run that had no news: ``yes`` if no publication is to follow it."""


def raw_key(source: str) -> dg.AssetKey:
    """Key of the raw records of a source."""
    return dg.AssetKey([*_PREFIX.keys, "raw", source])


def account_key(account: str) -> dg.AssetKey:
    """Key of the projects of an account."""
    return dg.AssetKey([*_PREFIX.keys, "accounts", account])


def table_key(table: str) -> dg.AssetKey:
    """Key of a table as partitioned Parquet."""
    return dg.AssetKey([*_PREFIX.keys, "tables", table])


def warehouse_key(table: str) -> dg.AssetKey:
    """Key of a table of the published warehouse."""
    return dg.AssetKey([*_PREFIX.keys, "warehouse", table])


def analytics_key(name: str) -> dg.AssetKey:
    """Key of a base table or view of the analytics."""
    return dg.AssetKey([*_PREFIX.keys, "analytics", name])


def report_key() -> dg.AssetKey:
    """Key of the report."""
    return dg.AssetKey([*_PREFIX.keys, "report"])


def source_pools(sources: Iterable[SourceSettings]) -> dict[str, str]:
    """Pool of each source, by name: of all concurrent runs, on any host, one at a time sends requests to it.

    Sources of one project have that of the first of them, so that its request budget is kept by one process
    at a time: on hosts that share nothing but Dagster's database, nothing else would keep it.

    Args:
        sources: The sources of the installation.
    """
    first: dict[tuple[str, str], str] = {}
    return {source.name: f"source_{first.setdefault(source.project_key, source.name)}" for source in sources}
