"""A tick starts no second run of a source, and a run that died holds back none."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG

from cbr_warehouse.defs.asset_keys import SOURCE_TAG
from cbr_warehouse.defs.run_process import is_process_alive
from cbr_warehouse.defs.unfinished_runs import _reason_dead
from cbr_warehouse.load.locks import hold_directory, hold_source
from support.dagster_deployment import Deployment, loaded, origin_of
from support.present import now

Install = Callable[..., Deployment]
LATER = timedelta(minutes=10)


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


def tick(place: Deployment) -> tuple[list[str], str | None]:
    """The sources that a tick starts a run for, and why it skips."""
    repository = place.defs.get_repository_def()
    with dg.build_schedule_context(
        instance=place.instance, scheduled_execution_time=now(), repository_def=repository
    ) as context:
        found = repository.get_schedule_def("load_schedule").evaluate_tick(context)
    return [request.tags[SOURCE_TAG] for request in found.run_requests or ()], found.skip_message


def begin(
    place: Deployment, source: str, status: dg.DagsterRunStatus, more_tags: dict[str, str] | None = None
) -> dg.DagsterRun:
    """A run of a source in this state, whose process does not exist."""
    run = place.instance.create_run_for_job(
        place.defs.resolve_job_def("load"),
        tags={SOURCE_TAG: source} | (more_tags or {}),
        status=dg.DagsterRunStatus.NOT_STARTED,
        asset_selection=loaded(source),
        remote_job_origin=origin_of("cbr-warehouse", "load"),
    )
    events = {
        dg.DagsterRunStatus.QUEUED: [dg.DagsterEventType.PIPELINE_ENQUEUED],
        dg.DagsterRunStatus.STARTING: [dg.DagsterEventType.PIPELINE_STARTING],
        dg.DagsterRunStatus.STARTED: [
            dg.DagsterEventType.PIPELINE_STARTING,
            dg.DagsterEventType.PIPELINE_START,
        ],
    }
    for event in events.get(status, []):
        place.instance.report_dagster_event(
            dg.DagsterEvent(event_type_value=event.value, job_name="load"), run.run_id
        )
    return run


def status_of(place: Deployment, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = place.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_source_whose_run_is_not_over_is_skipped_and_named(
    install: Install, status: dg.DagsterRunStatus
) -> None:
    place = install("a", "b")
    place.clock.now = datetime.now(UTC)
    run = begin(place, "a", status)
    assert tick(place) == (["b"], None)
    begin(place, "b", status)
    started, skipped = tick(place)
    assert started == []
    assert skipped is not None
    assert f"a: run {run.run_id} is not over" in skipped
    assert "b: run" in skipped


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_run_that_died_is_failed_and_holds_back_nothing(
    install: Install, status: dg.DagsterRunStatus
) -> None:
    """As after a power failure: the run stays STARTED for ever, and nobody else would ever end it."""
    place = install("a")
    run = begin(place, "a", status)
    place.clock.now = datetime.now(UTC) + LATER
    assert tick(place) == (["a"], None)
    assert status_of(place, run) is dg.DagsterRunStatus.FAILURE


def test_a_run_that_waits_for_a_slot_is_not_dead(install: Install) -> None:
    place = install("a")
    run = begin(place, "a", dg.DagsterRunStatus.QUEUED)
    place.clock.now = datetime.now(UTC) + LATER
    assert tick(place)[0] == []
    assert status_of(place, run) is dg.DagsterRunStatus.QUEUED


def test_a_run_that_was_created_and_never_queued_is_not_waited_for(install: Install) -> None:
    """The daemon was killed between the two: no load of its source would ever run again."""
    place = install("a")
    run = begin(place, "a", dg.DagsterRunStatus.NOT_STARTED)
    place.clock.now = datetime.now(UTC)
    assert tick(place)[0] == []
    assert status_of(place, run) is dg.DagsterRunStatus.NOT_STARTED
    place.clock.now += LATER
    assert tick(place) == (["a"], None)
    assert status_of(place, run) is dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("since", [timedelta(), LATER])
def test_a_tick_that_was_interrupted_requests_the_run_again_that_it_had_created(
    install: Install, since: timedelta
) -> None:
    """It waited for its own run, or failed it: Dagster queued neither, until the next tick."""
    place = install("a")
    run = begin(place, "a", dg.DagsterRunStatus.NOT_STARTED, {"dagster/run_key": f"a {now().isoformat()}"})
    place.clock.now = datetime.now(UTC) + since
    assert tick(place) == (["a"], None)
    assert status_of(place, run) is dg.DagsterRunStatus.NOT_STARTED


def test_a_run_that_is_queued_while_it_is_looked_at_is_not_failed(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon was started again, and queues what it had created before."""
    place = install("a")
    place.clock.now = datetime.now(UTC) + LATER
    run = begin(place, "a", dg.DagsterRunStatus.NOT_STARTED)
    enqueued = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_ENQUEUED.value, job_name="load")

    def look_and_queue(*words: Any) -> str | None:
        found = _reason_dead(*words)
        place.instance.report_dagster_event(enqueued, run.run_id)
        return found

    monkeypatch.setattr("cbr_warehouse.defs.unfinished_runs._reason_dead", look_and_queue)
    assert tick(place)[0] == []
    assert status_of(place, run) is dg.DagsterRunStatus.QUEUED


def test_a_run_that_is_long_silent_but_loads_is_not_dead(install: Install) -> None:
    place = install("a")
    run = begin(place, "a", dg.DagsterRunStatus.STARTED)
    place.clock.now = datetime.now(UTC) + LATER
    context = place.installation.load_context
    with hold_source(context, "a", "load of a by Dagster run 7", wait=False):
        started, skipped = tick(place)
        assert started == []
        assert "load of a by Dagster run 7" in str(skipped)
    with hold_directory(context, "publication by Dagster"):
        assert tick(place)[0] == []
    assert status_of(place, run) is dg.DagsterRunStatus.STARTED


def test_a_load_from_the_command_line_is_waited_for_too(install: Install) -> None:
    place = install("a", "b")
    with hold_source(place.installation.load_context, "b", "load", wait=False):
        assert tick(place) == (["a"], None)
    assert tick(place) == (["a", "b"], None)


def test_other_assets_of_the_deployment_are_not_part_of_the_job(install: Install) -> None:
    @dg.asset
    def load_of_somebody_else() -> None: ...

    defs = dg.Definitions.merge(install("a").defs, dg.Definitions(assets=[load_of_somebody_else]))
    chosen = defs.resolve_job_def("load").asset_layer.executable_asset_keys
    assert {key.path[0] for key in chosen} == {"raw", "tables", "warehouse", "analytics"}


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="this system does not show its processes"
)


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended, and whose parent has not noticed."""
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.stdout.close()
    process.wait()


def launch(
    place: Deployment, source: str | None, process_id: int | None, ago: timedelta = timedelta()
) -> dg.DagsterRun:
    """A run that the code server started, as far as its events tell.

    Args:
        place: The deployment.
        source: The source that it loads; None for one of the job ``remove_old_runs``.
        process_id: Its process; None if that was killed before it reported itself.
        ago: Since when.
    """
    job, tags = ("load", {SOURCE_TAG: source}) if source else ("remove_old_runs", {})
    run = place.instance.create_run_for_job(
        place.defs.resolve_job_def(job),
        tags=tags | {GRPC_INFO_TAG: "{}"},
        asset_selection=loaded(source) if source else None,
    )
    at = (datetime.now(UTC) - ago).timestamp()
    kinds = [dg.DagsterEventType.PIPELINE_STARTING]
    if process_id is not None:
        kinds += [dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.PIPELINE_START]
    for kind in kinds:
        is_process = kind is dg.DagsterEventType.ENGINE_EVENT
        event = dg.DagsterEvent(
            kind.value,
            job_name=job,
            message=f"Started process for run (pid: {process_id})." if is_process else None,
            event_specific_data=EngineEventData.in_process(process_id) if is_process and process_id else None,
        )
        place.instance.report_dagster_event(event, run.run_id, timestamp=at)
    return run


@needs_proc
def test_a_run_whose_process_is_gone_is_failed_at_once_and_frees_its_pool(
    install: Install, zombie: int
) -> None:
    """It was waited for in silence for three minutes, and its pool for another one."""
    place = install("a")
    place.clock.now = datetime.now(UTC)
    storage = place.instance.event_log_storage
    storage.set_concurrency_slots("source_a", 1)
    run = launch(place, "a", zombie)
    storage.claim_concurrency_slot("source_a", run.run_id, "raw__a")
    assert len(storage.get_concurrency_info("source_a").claimed_slots) == 1
    assert tick(place) == (["a"], None)
    assert status_of(place, run) is dg.DagsterRunStatus.FAILURE
    assert storage.get_concurrency_info("source_a").claimed_slots == []
    # The tick starts the next run; Dagster would start another one beside it.
    failed = place.instance.get_run_by_id(run.run_id)
    assert failed is not None
    assert failed.tags["dagster/max_retries"] == "0"


@needs_proc
def test_a_run_whose_process_lives_is_waited_for_however_silent(install: Install) -> None:
    place = install("a")
    run = launch(place, "a", os.getpid())
    place.clock.now = datetime.now(UTC) + LATER
    assert tick(place)[0] == []
    assert status_of(place, run) is dg.DagsterRunStatus.STARTED


@needs_proc
def test_a_process_that_has_the_number_by_chance_is_not_that_of_the_run(install: Install) -> None:
    """After a restart of the machine another process has it."""
    place = install("a")
    place.clock.now = datetime.now(UTC)
    launch(place, "a", os.getpid(), ago=timedelta(days=30))
    assert tick(place) == (["a"], None)


@needs_proc
@pytest.mark.parametrize(("ago", "is_dead"), [(timedelta(seconds=20), False), (timedelta(days=30), True)])
def test_a_run_that_was_launched_by_a_server_that_is_gone(
    install: Install, ago: timedelta, *, is_dead: bool
) -> None:
    """Killed between the launch and the first event of its process: nothing tells its number."""
    place = install("a")
    place.clock.now = datetime.now(UTC)
    launch(place, "a", None, ago=ago)
    assert tick(place)[0] == (["a"] if is_dead else [])


@needs_proc
@pytest.mark.parametrize("source", ["a", None])
def test_between_ticks_a_dead_run_is_found_and_started_again(
    install: Install, zombie: int, source: str | None
) -> None:
    """Until the next tick, perhaps for an hour, it would keep a slot of the queue and publish nothing."""
    place = install("a")
    dead, alive = launch(place, source, zombie), launch(place, source, os.getpid())
    repository = place.defs.get_repository_def()
    with dg.build_sensor_context(instance=place.instance, repository_def=repository) as context:
        repository.get_sensor_def("publish_sensor").evaluate_tick(context)
    failed = place.instance.get_run_by_id(dead.run_id)
    assert failed is not None
    assert failed.status is dg.DagsterRunStatus.FAILURE
    assert "dagster/max_retries" not in failed.tags
    assert status_of(place, alive) is dg.DagsterRunStatus.STARTED


@needs_proc
@pytest.mark.parametrize("looks", ["load_schedule", "publish_sensor"])
def test_a_run_that_ends_well_while_it_is_looked_at_is_not_failed(
    install: Install, zombie: int, looks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is gone as well: on a busy machine, seconds lie between the look at each."""
    place = install("a")
    place.clock.now = datetime.now(UTC)
    run = launch(place, "a", zombie)
    success = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_SUCCESS.value, job_name="load")

    def look_after_its_end(*words: Any) -> bool | None:
        place.instance.report_dagster_event(success, run.run_id)
        return is_process_alive(*words)

    monkeypatch.setattr("cbr_warehouse.defs.unfinished_runs.is_process_alive", look_after_its_end)
    if looks == "load_schedule":
        assert tick(place) == (["a"], None)
    else:
        repository = place.defs.get_repository_def()
        with dg.build_sensor_context(instance=place.instance, repository_def=repository) as context:
            repository.get_sensor_def(looks).evaluate_tick(context)
    assert status_of(place, run) is dg.DagsterRunStatus.SUCCESS
