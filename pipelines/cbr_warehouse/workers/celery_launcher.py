"""``CeleryLauncher``: Dagster's launcher of runs as tasks of Celery, which also notices that a worker died.

``dagster_celery.launcher.CeleryRunLauncher`` asks the store of results alone. A worker that is killed with
its host never reports there again, so its runs count as running until they exceed their longest time
(https://github.com/dagster-io/dagster/pull/33493 is open). This one asks the worker.
"""

import time
from collections.abc import Mapping
from typing import Any, Self

from dagster import DagsterRun, Field, IntSource
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from cbr_warehouse.workers.celery_settings import CELERY_SETTINGS

SILENT_SECONDS = 30
"""A worker that gives no answer for so long is dead; one on a busy machine answers within seconds."""

_ANSWER_SECONDS = 2.0
_ALIVE = CheckRunHealthResult(WorkerStatus.RUNNING)


class CeleryLauncher(CeleryRunLauncher):
    """Starts runs as tasks of Celery; Dagster's run monitoring asks it whether they are still running.

    Args:
        silent_seconds: After how long without an answer a worker counts as dead.
        config_source: Settings of Celery besides those that the workers have, too.
        given: What the launcher of Dagster takes: ``broker``, ``backend``, ``default_queue``.
    """

    def __init__(
        self,
        silent_seconds: int = SILENT_SECONDS,
        config_source: dict[str, Any] | None = None,
        **given: Any,
    ) -> None:
        super().__init__(config_source=CELERY_SETTINGS | (config_source or {}), **given)
        self._silent_seconds = silent_seconds
        self._silent_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """What ``dagster.yaml`` may say."""
        given: Mapping[str, Any] = dict(super().config_type())  # type: ignore[arg-type]  # a mapping here
        return {
            **given,
            "silent_seconds": Field(
                IntSource,
                is_required=False,
                default_value=SILENT_SECONDS,
                description="After how many seconds without an answer a worker counts as dead.",
            ),
        }

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """The launcher that ``dagster.yaml`` describes."""
        return cls(inst_data=inst_data, **config_value)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run that has begun is still executed; asked by Dagster's run monitoring.

        An error of the broker or of the store of results is raised: then nothing is known of the run, and
        Dagster leaves it as it is.
        """
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:  # noted after the task was sent, which may have begun already
            return _ALIVE
        result = self.celery.AsyncResult(task_id)
        # Dagster looks at the run again before it believes this: it may have ended since.
        if result.ready():
            return _dead(f"its task {task_id} has ended, and the run has not")
        found = result.info if isinstance(result.info, dict) else {}
        worker = found.get("hostname")
        inspect = self.celery.control.inspect([worker] if worker else None, timeout=_ANSWER_SECONDS)
        answers: dict[str, dict[str, Any]] = inspect.query_task([task_id]) or {}
        return self._judge(task_id, worker, answers)

    def _judge(
        self, task_id: str, worker: str | None, answers: Mapping[str, Mapping[str, Any]]
    ) -> CheckRunHealthResult:
        asked = worker or task_id
        if any(task_id in tasks for tasks in answers.values()):
            self._silent_since.pop(asked, None)
            return _ALIVE
        if worker in answers:
            return _dead(f"the worker {worker} has been started again, and does not have it any more")
        since = self._silent_since.setdefault(asked, time.monotonic())
        if time.monotonic() - since < self._silent_seconds:
            return _ALIVE
        return _dead(f"{worker or 'each worker'} has been silent for {self._silent_seconds} s")


def _dead(reason: str) -> CheckRunHealthResult:
    return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker of this run is gone: {reason}.")
