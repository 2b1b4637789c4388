"""The launcher for Celery: what it takes for a dead worker, and what for one that is only slow."""

from typing import Any

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from cbr_warehouse.workers.celery_launcher import CeleryLauncher
from cbr_warehouse.workers.celery_settings import CELERY_SETTINGS

TASK = "6f0c"
WORKER = "celery@host"


class Inspect:
    """Answers of workers, by name."""

    def __init__(self, answers: dict[str, dict[str, Any]] | None) -> None:
        self._answers = answers
        self.asked: list[list[str] | None] = []

    def __call__(self, destination: list[str] | None, timeout: float) -> "Inspect":
        assert 0 < timeout < 30
        self.asked.append(destination)
        return self

    def query_task(self, task_ids: list[str]) -> dict[str, dict[str, Any]] | None:
        assert task_ids == [TASK]
        return self._answers


def launcher(silent_seconds: int = 30) -> CeleryLauncher:
    made = CeleryLauncher(
        silent_seconds=silent_seconds,
        broker="memory://",
        backend="cache+memory://",
        default_queue="dagster",
    )
    made.celery.AsyncResult(TASK).forget()  # of a test before, in the same memory
    return made


def status(
    tested: CeleryLauncher, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any] | None
) -> tuple[WorkerStatus, list[list[str] | None]]:
    """What it says of a run of the task, and whom it asked."""
    inspect = Inspect(answers)
    monkeypatch.setattr(tested.celery.control, "inspect", inspect)
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, "load", tags={DAGSTER_CELERY_TASK_ID_TAG: TASK})
        return tested.check_run_worker_health(run).status, inspect.asked


@pytest.fixture
def begun() -> CeleryLauncher:
    """A launcher whose task a worker has begun, as Celery notes it."""
    tested = launcher(silent_seconds=0)
    tested.celery.backend.store_result(TASK, {"pid": 7, "hostname": WORKER}, "STARTED")
    return tested


def test_a_worker_that_has_the_task_is_alive(begun: CeleryLauncher, monkeypatch: pytest.MonkeyPatch) -> None:
    found = status(begun, monkeypatch, {WORKER: {TASK: ["active", {}]}})
    assert found == (WorkerStatus.RUNNING, [[WORKER]])


def test_a_worker_that_was_started_again_does_not_have_it(
    begun: CeleryLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(begun, monkeypatch, {WORKER: {}})[0] is WorkerStatus.FAILED


@pytest.mark.fault("killed processes")
def test_a_silent_worker_is_dead_after_some_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own launcher took a worker that was killed with its host for a running one, for ever."""
    tested, now = launcher(), 100.0
    monkeypatch.setattr("cbr_warehouse.workers.celery_launcher.time.monotonic", lambda: now)
    tested.celery.backend.store_result(TASK, {"pid": 7, "hostname": WORKER}, "STARTED")
    assert status(tested, monkeypatch, None)[0] is WorkerStatus.RUNNING
    now = 129.0
    assert status(tested, monkeypatch, None)[0] is WorkerStatus.RUNNING
    assert status(tested, monkeypatch, {WORKER: {TASK: ["active", {}]}})[0] is WorkerStatus.RUNNING
    now = 158.0  # it has answered meanwhile
    assert status(tested, monkeypatch, None)[0] is WorkerStatus.RUNNING
    now = 188.0
    assert status(tested, monkeypatch, None)[0] is WorkerStatus.FAILED


def test_a_task_that_ended_has_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a second process, which Dagster ignores, Celery notes a success."""
    for state in ("SUCCESS", "FAILURE"):
        tested = launcher()
        tested.celery.backend.store_result(TASK, ValueError() if state == "FAILURE" else 0, state)
        assert status(tested, monkeypatch, {WORKER: {}})[0] is WorkerStatus.FAILED


def test_where_the_store_forgot_a_task_all_workers_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = launcher()
    found = status(tested, monkeypatch, {"celery@b": {TASK: ["active", {}]}, "celery@a": {}})
    assert found == (WorkerStatus.RUNNING, [None])
    assert status(launcher(), monkeypatch, None)[0] is WorkerStatus.RUNNING
    assert status(launcher(silent_seconds=0), monkeypatch, None)[0] is WorkerStatus.FAILED


def test_a_run_whose_task_is_not_noted_yet_is_alive() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, "load")
        assert launcher().check_run_worker_health(run).status is WorkerStatus.RUNNING


def test_the_workers_have_the_settings_of_the_launcher() -> None:
    conf = launcher().celery.conf
    assert {name: getattr(conf, name) for name in CELERY_SETTINGS} == CELERY_SETTINGS
