"""Which runs of a deployment are of this code location; it may have others, with jobs of the same names."""

import dagster as dg

from cbr_warehouse.defs.asset_keys import (
    ACCOUNTS_JOB,
    LOAD_JOB,
    PUBLISH_JOB,
    REPORT_JOB,
    RETENTION_JOB,
    folder_of,
)

OWN_JOBS = frozenset({ACCOUNTS_JOB, LOAD_JOB, PUBLISH_JOB, REPORT_JOB, RETENTION_JOB})
OWN_FOLDERS = frozenset({"accounts", "raw", "tables", "warehouse", "analytics", "report"})
"""First parts of the keys of its assets, a prefix aside."""


def location_of(context: dg.SensorEvaluationContext) -> str | None:
    """Name of the code location of a sensor; None outside of a deployment."""
    origin = context.code_location_origin
    return None if origin is None else origin.location_name


def location_of_run(run: dg.DagsterRun) -> str | None:
    """Name of the code location of a run; None of a run that was not launched in a deployment."""
    origin = run.remote_job_origin
    return None if origin is None else origin.location_name


def is_of_location(run: dg.DagsterRun, location: str | None) -> bool:
    """Whether a run is of a code location, as far as both are known.

    Args:
        run: The run.
        location: Name of the code location; None if it is not known.
    """
    found = location_of_run(run)
    return location is None or found is None or found == location


def is_own_run(run: dg.DagsterRun, location: str | None) -> bool:
    """Whether a run is of a job of this code location, or materializes assets of it alone.

    Args:
        run: The run.
        location: Name of this code location; None if it is not known.
    """
    if not is_of_location(run, location):
        return False
    if run.job_name in OWN_JOBS:
        return True
    assets = run.asset_selection or frozenset()
    return bool(assets) and all(folder_of(key) in OWN_FOLDERS for key in assets)
