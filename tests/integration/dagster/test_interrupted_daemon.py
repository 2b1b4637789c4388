"""The daemon is killed after it has created a run and before it has queued it, and is started again."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._scheduler.scheduler import launch_scheduled_runs
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from support import present
from support.command_line import PROJECT

CONFIGURATION = f"""
data_dir = "data"
[[sources]]
name = "a"
endpoint = "https://cbr.example.com"
project_id = "{PROJECT}"
token = "env:CBR_TOKEN"
"""


BEGIN = timedelta(hours=11, minutes=30)
"""In the hour that follows this time of the day only loads are due, and no schedule of the night is."""


class Killed(BaseException):
    """The end of the daemon at this point: no handler of exceptions is run."""


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkspaceProcessContext]:
    """What the daemon works with: an instance with the shipped settings, and a real code server."""
    home = tmp_path / "home"
    assert CliRunner().invoke(app, ["dagster-home", str(home)]).exit_code == 0
    with (home / "dagster.yaml").open("a", encoding="utf-8") as settings:
        settings.write("code_servers: {wait_for_local_processes_on_shutdown: true}\n")
    configuration = tmp_path / "cbr-warehouse.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    monkeypatch.setenv("CBR_WAREHOUSE_CONFIG", str(configuration))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    target = ModuleTarget("cbr_warehouse.definitions", None, str(Path.cwd()), "cbr-warehouse")
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        create_test_daemon_workspace_context(target, instance) as context,
    ):
        yield context


def killed_before_the_run_is_queued(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Does what the daemon does until it has created a run."""

    def kill(*_words: object, **_named: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(dg.DagsterInstance, "submit_run", kill)
        with pytest.raises(Killed):
            work()


def look(daemon: WorkspaceProcessContext, at: datetime) -> None:
    """What the daemon does for the schedules at a time."""
    [*launch_scheduled_runs(daemon, logging.getLogger(__name__), at, iteration_times={})]


def loads(daemon: WorkspaceProcessContext) -> list[dg.DagsterRun]:
    """The runs of the schedule of loads, the newest one first."""
    return [*daemon.instance.get_runs(dg.RunsFilter(job_name="load"))]


@pytest.mark.fault("killed processes")
def test_the_run_of_a_tick_is_queued_by_the_daemon_that_is_started_again(
    daemon: WorkspaceProcessContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick waited for the run that it had created itself: a minute, or until the next tick."""
    begin = present.midnight() + BEGIN
    look(daemon, begin)  # notes since when the schedules are on
    later = begin + timedelta(hours=1)
    killed_before_the_run_is_queued(lambda: look(daemon, later), monkeypatch)
    (created,) = loads(daemon)
    assert created.status is dg.DagsterRunStatus.NOT_STARTED
    look(daemon, later)
    (queued,) = loads(daemon)
    assert (queued.run_id, queued.status) == (created.run_id, dg.DagsterRunStatus.QUEUED)


@pytest.mark.fault("killed processes")
@pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated")  # Dagster's own
def test_the_repetition_of_a_run_is_queued_by_the_daemon_that_is_started_again(
    daemon: WorkspaceProcessContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of this Dagster takes care itself, and nothing else does."""
    begin = present.midnight() + BEGIN
    repeat = EventLogConsumerDaemon(interval_seconds=0)
    for at in (begin, begin + timedelta(hours=1)):
        look(daemon, at)
        [*repeat.run_iteration(daemon)]  # notes which failures are old
    (failed,) = loads(daemon)
    daemon.instance.report_run_failed(failed, "Its process is gone.")
    killed_before_the_run_is_queued(lambda: [*repeat.run_iteration(daemon)], monkeypatch)
    assert loads(daemon)[0].status is dg.DagsterRunStatus.NOT_STARTED
    [*repeat.run_iteration(daemon)]
    repeated, _ = loads(daemon)
    assert (repeated.parent_run_id, repeated.status) == (failed.run_id, dg.DagsterRunStatus.QUEUED)
