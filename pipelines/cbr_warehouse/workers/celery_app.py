"""The application of a worker: ``celery --app cbr_warehouse.workers.celery_app worker --concurrency 4``.

A task is a run of Dagster. The worker needs the configuration, the secrets of its sources and a DAGSTER_HOME
with the same ``dagster.yaml`` as the daemon's; of the disks of other hosts it needs nothing.
"""

import os

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

from cbr_warehouse.errors import UsageError
from cbr_warehouse.workers.celery_settings import BROKER, CELERY_SETTINGS, RESULTS


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"{name} is not set. A worker needs it, as docs/workers.md describes.")
    return value


app = make_app(  # type: ignore[no-untyped-call]  # of Dagster's
    {"broker": _variable(BROKER), "backend": _variable(RESULTS), "config_source": CELERY_SETTINGS}
)
execute_job = create_execute_job_task(app)
