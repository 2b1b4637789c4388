"""Settings of Celery that the launcher of runs and the workers must agree on.

Addresses are not among them: they may contain a password, and come from the environment.
"""

from typing import Any

BROKER = "CBR_DAGSTER_CELERY_BROKER"
"""Variable with the URL of the broker: Redis or RabbitMQ."""

RESULTS = "CBR_DAGSTER_CELERY_RESULTS"
"""Variable with the URL of the store of results: Redis or a database, one that outlives a worker."""

_LONGEST_RUN_SECONDS = 4 * 3600
"""Twice what a run may take (``run_monitoring.max_runtime_seconds``)."""

CELERY_SETTINGS: dict[str, Any] = {
    # A worker takes no run that it has no place for: another worker may have one.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    # A process for each run, as Dagster's own launcher has it: it reads the configuration anew, and leaves
    # nothing behind for the next one.
    "worker_max_tasks_per_child": 1,
    # Redis hands out what was not acknowledged for this long a second time. Dagster ignores the second
    # process of a run, so it would only be for nothing.
    "broker_transport_options": {"visibility_timeout": _LONGEST_RUN_SECONDS},
    # A broker that is away for a moment ends neither a worker nor a run.
    "broker_connection_retry_on_startup": True,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
}
