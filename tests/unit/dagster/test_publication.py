"""One publication follows the loads of a tick, and no source holds back the others."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from threading import Thread

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin

from cbr_warehouse.defs import publication
from cbr_warehouse.defs.asset_keys import SOURCE_TAG
from cbr_warehouse.defs.progress import LoggedProgress
from cbr_warehouse.load.locks import hold_directory
from support.dagster_deployment import Deployment, begin_elsewhere, day
from support.present import now
from support.publish_sensor import begin, evaluate, parts

Install = Callable[..., Deployment]


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


def test_one_publication_follows_the_loads_of_a_tick(install: Install) -> None:
    place = install("down", "up")
    place.apis["up"].add(day(1))
    place.apis["down"].status = 403
    assert evaluate(place) == "No load has ended since the last publication."
    assert place.tick("up").success
    assert not place.tick("down").success
    assert parts(evaluate(place)) == {"warehouse", "analytics"}
    assert place.publish().success
    assert evaluate(place) == "No load has ended since the last publication."
    # The analytics are counted once a day.
    place.apis["up"].add(day(2))
    assert place.tick("up").success
    assert parts(evaluate(place)) == {"warehouse"}


def test_a_failed_load_is_published_too(install: Install) -> None:
    place = install("down")
    place.apis["down"].status = 403
    assert not place.tick("down").success
    assert "warehouse" in parts(evaluate(place))


def test_a_source_that_takes_long_holds_back_no_other(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install("slow", "quick")
    begin(place, "load", {SOURCE_TAG: "slow"})
    assert place.tick("quick").success
    assert evaluate(place) == "Still loading: slow."
    monkeypatch.setattr(publication, "SOON", timedelta(seconds=-1))
    assert "warehouse" in parts(evaluate(place))


def test_there_is_one_publication_at_a_time_and_a_dead_one_holds_back_nothing(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install("a")
    assert place.tick("a").success
    run = begin(place, "publish", {})
    assert evaluate(place) == f"publication: run {run.run_id} is not over"
    monkeypatch.setattr("cbr_warehouse.defs.unfinished_runs.SILENCE", timedelta(seconds=-1))
    with hold_directory(place.installation.load_context, "publication by Dagster"):
        assert evaluate(place) == f"publication: run {run.run_id} is not over"
    assert "The last publication failed" in str(evaluate(place))
    monkeypatch.setattr(publication, "RETRY", timedelta(0))
    assert "warehouse" in parts(evaluate(place))
    found = place.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE


def test_a_job_publish_of_another_code_location_is_neither_waited_for_nor_ended(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for our publication: loads before it stayed unpublished, and it was marked as failed."""
    here = RegisteredCodeLocationOrigin("ours")
    monkeypatch.setattr(dg.SensorEvaluationContext, "code_location_origin", here)
    monkeypatch.setattr("cbr_warehouse.defs.unfinished_runs.SILENCE", timedelta(seconds=-1))
    place = install("a")
    assert place.tick("a").success
    running = begin_elsewhere(place.instance, "publish")
    assert "warehouse" in parts(evaluate(place))
    found = place.instance.get_run_by_id(running.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.STARTED
    for last in (dg.DagsterEventType.PIPELINE_SUCCESS, dg.DagsterEventType.PIPELINE_FAILURE):
        begin_elsewhere(place.instance, "publish", last)
        assert "warehouse" in parts(evaluate(place))
    assert place.publish().success
    for _ in range(publication._PAGE):
        begin_elsewhere(place.instance, "publish", dg.DagsterEventType.PIPELINE_FAILURE)
    assert evaluate(place) == "No load has ended since the last publication."


def test_a_load_without_news_costs_dagster_little(install: Install) -> None:
    """Its store grew by 250 events and 1.1 MB a source and tick when each run recorded everything."""
    place = install("a", "b", "c")
    for api in place.apis.values():
        api.add(day(0))
        api.add(day(3))
    place.clock.now = now() - timedelta(minutes=5)
    for name in place.apis:
        assert place.tick(name).success
    assert place.publish().success
    place.clock.now = now()
    for name in place.apis:
        result = place.tick(name)
        assert result.success
        assert result.asset_materializations_for_node("tables") == []
        assert len(place.instance.all_logs(result.run_id)) <= 35
    published = place.publish(analytics=False)
    events = Counter(entry.dagster_event_type for entry in place.instance.all_logs(published.run_id))
    assert events.total() <= 150, events
    assert published.asset_materializations_for_node("analytics") == []


def test_a_day_made_again_by_a_command_is_recorded_with_the_next_run(install: Install) -> None:
    place = install("a")
    place.apis["a"].add(day(0))
    assert place.tick("a").success
    place.clock.now = now() + timedelta(minutes=5)
    state = place.installation.load_context.directory.partition_state("a", day(0).isoformat())
    state.touch()
    result = place.tick("a")
    assert {found.partition for found in result.asset_materializations_for_node("tables")} == {
        day(0).isoformat()
    }


def test_a_run_that_waited_for_a_slot_says_since_when_and_for_whom(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install("a", "b")
    assert place.tick("b").success
    monkeypatch.setattr("cbr_warehouse.defs.waiting.WORTH_TELLING", timedelta(seconds=-60))
    result = place.tick("a")
    (said,) = [
        entry.user_message
        for entry in place.instance.all_logs(result.run_id)
        if entry.user_message.startswith("Waited ")
    ]
    assert "for a free slot, since" in said
    assert datetime.now(UTC).strftime("%H:") in said


def messages(place: Deployment, run_id: str) -> list[str]:
    return [entry.user_message for entry in place.instance.all_logs(run_id)]


def test_a_run_that_waited_for_its_pool_says_since_when_and_for_whom(install: Install) -> None:
    place = install("a")
    storage = place.instance.event_log_storage
    storage.set_concurrency_slots("source_a", 1)
    holder = begin(place, "load", {SOURCE_TAG: "a"})
    started = dg.DagsterEvent(dg.DagsterEventType.STEP_START.value, job_name="load", step_key="raw__a")
    place.instance.report_dagster_event(started, holder.run_id)
    storage.claim_concurrency_slot("source_a", holder.run_id, "raw__a")

    def release() -> None:
        def others() -> list[str]:
            pending = storage.get_concurrency_info("source_a").pending_steps
            return [step.run_id for step in pending if step.run_id != holder.run_id]

        while not others():
            time.sleep(0.05)
        ended = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_SUCCESS.value, job_name="load")
        place.instance.report_dagster_event(ended, holder.run_id)
        storage.free_concurrency_slots_for_run(holder.run_id)

    releasing = Thread(target=release)
    releasing.start()
    result = place.tick("a")
    releasing.join()
    assert result.success
    (said,) = [one for one in messages(place, result.run_id) if one.startswith("Waited ")]
    assert "s for the pool source_a, since " in said
    assert f"It was taken by: load {holder.run_id}, since " in said


def test_a_publication_that_waits_for_the_directory_says_for_whom(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbr_warehouse.load.locks.QUIET_SECONDS", 0.0)
    place = install("a")
    assert place.tick("a").success
    with ExitStack() as held:
        held.enter_context(hold_directory(place.installation.load_context, "tables of b"))
        notice = LoggedProgress.notice

        def notice_and_release(progress: LoggedProgress, sentence: str) -> None:
            notice(progress, sentence)
            held.close()

        monkeypatch.setattr(LoggedProgress, "notice", notice_and_release)
        result = place.publish(analytics=False)
    assert result.success
    waits = [one for one in messages(place, result.run_id) if ": waiting for " in one]
    assert waits[0].startswith(
        f"publication by Dagster run {result.run_id}: waiting for tables of b (process "
    )


def test_an_attempt_says_why_the_one_before_failed(install: Install) -> None:
    place = install("a")
    place.apis["a"].status = 503
    result = place.tick("a")
    said = [one for one in messages(place, result.run_id) if one.startswith("Attempt ")]
    assert [one.partition(":")[0] for one in said] == ["Attempt 2", "Attempt 3"]
    assert all("the one before failed, at " in one and "503" in one for one in said)


def test_a_run_in_place_of_another_says_so(install: Install) -> None:
    place = install("a")
    before = begin(place, "load", {SOURCE_TAG: "a"})
    place.instance.report_run_failed(before, "The process of this run ended without a word.")
    keys = [dg.AssetKey(["raw", "a"])]
    tags = {SOURCE_TAG: "a", "dagster/parent_run_id": before.run_id, "dagster/root_run_id": before.run_id}
    result = place.run_assets(keys, [now().date()], job="load", more_tags=tags)
    assert f"This run repeats run {before.run_id}" in "\n".join(messages(place, result.run_id))
