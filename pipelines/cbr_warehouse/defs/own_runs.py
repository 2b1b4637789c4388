"""Which runs of a deployment are of this code location; it may have others."""

import dagster as dg

from cbr_warehouse.defs.asset_keys import LOAD_JOB, PUBLISH_JOB, REPORT_JOB, RETENTION_JOB, folder_of

OWN_JOBS = frozenset({LOAD_JOB, PUBLISH_JOB, REPORT_JOB, RETENTION_JOB})
OWN_FOLDERS = frozenset({"raw", "tables", "warehouse", "analytics", "report"})
"""First parts of the keys of its assets, a prefix aside."""


def is_own_run(run: dg.DagsterRun) -> bool:
    """Whether a run is of a job of this code location, or materializes assets of it alone."""
    if run.job_name in OWN_JOBS:
        return True
    assets = run.asset_selection or frozenset()
    return bool(assets) and all(folder_of(key) in OWN_FOLDERS for key in assets)
