"""A tick starts no second run of a source, and a run that died holds back none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from cbr_warehouse.defs.asset_keys import SOURCE_TAG
from cbr_warehouse.load.locks import hold_directory, hold_source
from support.dagster_deployment import NOW, Deployment

Install = Callable[..., Deployment]
LATER = timedelta(minutes=10)


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


def tick(place: Deployment) -> tuple[list[str], str | None]:
    """The sources that a tick starts a run for, and why it skips."""
    repository = place.defs.get_repository_def()
    with dg.build_schedule_context(
        instance=place.instance, scheduled_execution_time=NOW, repository_def=repository
    ) as context:
        found = repository.get_schedule_def("load_schedule").evaluate_tick(context)
    return [request.tags[SOURCE_TAG] for request in found.run_requests or ()], found.skip_message


def begin(place: Deployment, source: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run of a source in this state, whose process does not exist."""
    run = place.instance.create_run_for_job(
        place.defs.resolve_job_def("load"), tags={SOURCE_TAG: source}, status=dg.DagsterRunStatus.NOT_STARTED
    )
    events = {
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
    run = begin(place, "a", dg.DagsterRunStatus.NOT_STARTED)
    place.clock.now = datetime.now(UTC) + LATER
    assert tick(place)[0] == []
    assert status_of(place, run) is dg.DagsterRunStatus.NOT_STARTED


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
