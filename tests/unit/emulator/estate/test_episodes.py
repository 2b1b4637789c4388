"""Every episode is visible in the tasks as described."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.generate import Estate, generate_estate
from cbr_emulator.estate.task import Task

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
ALWAYS = {
    "failing_streak",
    "incident",
    "vault_full",
    "mass_delete",
    "stuck_task",
    "slow_run",
    "missed_slot",
    "downgraded_consistency",
    "late_copy",
}
BESIDES = {"manual_rerun", "enrolment", "removal", "renamed", "policy_edit", "clock_change"}


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def estate(request: pytest.FixtureRequest) -> Estate:
    return generate_estate(20_000, 30, request.param, NOW)


@pytest.fixture(scope="module")
def by_id(estate: Estate) -> dict[str, Task]:
    return {task.id: task for task in estate.tasks}


@pytest.fixture(scope="module")
def backups_of(estate: Estate) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = defaultdict(list)
    for task in estate.tasks:
        if task.operation_type == "backup" and task.resource is not None:
            found[task.resource["id"]].append(task)
    return found


def episodes_of(estate: Estate, kind: str) -> Iterator[Episode]:
    found = [one for one in estate.episodes if one.kind == kind]
    assert found
    return iter(found)


def seconds(task: Task) -> float:
    assert task.started_at is not None
    assert task.ended_at is not None
    return (task.ended_at - task.started_at).total_seconds()


@pytest.mark.parametrize("seed", range(10, 20))
def test_every_estate_of_some_size_shows_every_kind(seed: int) -> None:
    now = NOW + seed * timedelta(hours=31)
    estate = generate_estate(20_000, 30, seed, now)
    assert {one.kind for one in estate.episodes} <= ALWAYS | BESIDES
    begun = [one for one in estate.episodes if now - timedelta(days=30) <= one.begins_at < now]
    over = {one.kind for one in begun if one.ends_at < now}
    assert over >= ALWAYS - {"stuck_task"} | {"policy_edit"}
    assert any(one.kind == "stuck_task" and one.ends_at > now for one in begun)


def test_tasks_of_episodes_exist_and_episodes_are_ordered(estate: Estate, by_id: dict[str, Task]) -> None:
    assert [one.begins_at for one in estate.episodes] == sorted(one.begins_at for one in estate.episodes)
    for one in estate.episodes:
        assert set(one.tasks) <= by_id.keys()
        assert one.begins_at <= one.ends_at
        assert bool(one.tasks) == (one.kind != "missed_slot") or one.kind == "enrolment"


def test_a_failing_streak_is_failures_in_a_row_for_one_lasting_reason(
    estate: Estate, by_id: dict[str, Task], backups_of: dict[str, list[Task]]
) -> None:
    for one in episodes_of(estate, "failing_streak"):
        tasks = [by_id[i] for i in one.tasks]
        assert len(tasks) > 1
        assert {task.outcome for task in tasks} == {"failed"}
        assert len({task.error for task in tasks}) == 1
        between = [
            task.outcome
            for task in backups_of[one.about]
            if tasks[0].created_at <= task.created_at <= tasks[-1].created_at
        ]
        assert "success" not in between


def test_an_incident_makes_backups_of_many_resources_fail(estate: Estate, by_id: dict[str, Task]) -> None:
    hit = [len(one.tasks) for one in episodes_of(estate, "incident")]
    assert max(hit) >= 10
    for one in episodes_of(estate, "incident"):
        assert one.about == "eu-de"
        for task in (by_id[i] for i in one.tasks):
            assert task.error[0] == "BackupService.9910"
            assert one.begins_at <= task.created_at < one.ends_at


def test_all_backups_fail_while_their_vault_is_full(estate: Estate, by_id: dict[str, Task]) -> None:
    for one in episodes_of(estate, "vault_full"):
        meanwhile = [
            task
            for task in estate.tasks
            if task.operation_type == "backup"
            and task.vault_id == one.about
            and one.begins_at <= task.created_at < one.ends_at
            and task.outcome != "skipped"
        ]
        assert {task.error[0] for task in meanwhile} == {"BackupService.6114"}
        assert {task.id for task in meanwhile} == set(one.tasks)


def test_a_mass_delete_is_of_one_vault_at_night_within_an_hour(
    estate: Estate, by_id: dict[str, Task]
) -> None:
    for one in episodes_of(estate, "mass_delete"):
        tasks = [by_id[i] for i in one.tasks]
        assert len(tasks) >= 20
        assert {task.vault_id for task in tasks} == {one.about}
        assert {task.operation_type for task in tasks} == {"delete"}
        assert {task.created_at.hour for task in tasks} <= {*range(20, 24), *range(8)}
        assert tasks[-1].created_at - tasks[0].created_at < timedelta(hours=1)


def test_a_stuck_task_is_open_and_gets_no_further(estate: Estate, by_id: dict[str, Task]) -> None:
    recent_seconds = sorted(
        seconds(task)
        for task in estate.tasks
        if task.operation_type == "backup" and task.outcome == "success" and task.created_at < NOW
    )
    p99 = recent_seconds[len(recent_seconds) * 99 // 100]
    stuck = [one for one in episodes_of(estate, "stuck_task") if one.begins_at < NOW < one.ends_at]
    assert stuck
    for one in stuck:
        (task,) = (by_id[i] for i in one.tasks)
        assert task.status_at(NOW) == task.status_at(NOW + timedelta(hours=1)) == "running"
        assert (NOW - one.begins_at).total_seconds() > max(4 * 3600, 3 * p99)
        assert task.record_at(NOW, "p") == task.record_at(NOW - timedelta(hours=3), "p")


def test_nothing_else_is_open_that_long(estate: Estate) -> None:
    stuck = {i for one in episodes_of(estate, "stuck_task") for i in one.tasks}
    for task in estate.tasks:
        if task.created_at < NOW - timedelta(hours=12) and task.status_at(NOW) in {"running", "waiting"}:
            assert task.id in stuck


def test_a_slow_run_is_slow_for_its_resource(
    estate: Estate, by_id: dict[str, Task], backups_of: dict[str, list[Task]]
) -> None:
    for one in episodes_of(estate, "slow_run"):
        (task,) = (by_id[i] for i in one.tasks)
        assert task.outcome == "success"
        before = [
            seconds(other)
            for other in backups_of[one.about]
            if other.outcome == "success"
            and other.vault_id == task.vault_id
            and other.blocks["backup"]["incremental"]
            and other.created_at < task.created_at
        ][-28:]
        assert len(before) >= 10
        # A manual backup without an episode may be in between.
        assert seconds(task) > 4.5 * median(before)
        assert seconds(task) > median(before) + 500


def test_a_missed_slot_has_no_task_where_others_have_one(
    estate: Estate, backups_of: dict[str, list[Task]]
) -> None:
    for one in episodes_of(estate, "missed_slot"):
        assert one.begins_at.minute == one.begins_at.second == 0
        around = [task.created_at for task in backups_of[one.about]]
        assert not [at for at in around if abs(at - one.begins_at) < timedelta(minutes=5)]
        assert [at for at in around if abs(at - one.begins_at + timedelta(days=1)) < timedelta(minutes=5)]


def test_a_downgraded_backup_says_why(estate: Estate, by_id: dict[str, Task]) -> None:
    downgraded = {i for one in episodes_of(estate, "downgraded_consistency") for i in one.tasks}
    for task in by_id.values():
        if task.operation_type == "backup" and task.outcome == "success":
            block = task.blocks["backup"]
            is_downgraded = block["app_consistency_status"] == "0" and block[
                "app_consistency_error_code"
            ] not in {"", "0"}
            assert is_downgraded == (task.id in downgraded)


def test_a_late_copy_is_more_than_26_hours_late_and_no_other_is(
    estate: Estate, by_id: dict[str, Task]
) -> None:
    late = {one.tasks[-1] for one in episodes_of(estate, "late_copy")}
    usable = {
        task.blocks["backup"]["backup_id"]: task.ended_at
        for task in by_id.values()
        if task.operation_type == "backup" and task.outcome == "success"
    }
    for task in by_id.values():
        if task.operation_type == "replication" and task.outcome == "success":
            source = usable[task.blocks["replication"]["source_backup_id"]]
            assert task.ended_at is not None
            assert source is not None
            assert (task.ended_at - source > timedelta(hours=26)) == (task.id in late)


def test_a_removed_resource_is_backed_up_no_more(estate: Estate, by_id: dict[str, Task]) -> None:
    for one in episodes_of(estate, "removal"):
        (removal,) = (by_id[i] for i in one.tasks)
        assert one.about in {resource["id"] for resource in removal.blocks["remove_resources"]["resources"]}
        for task in by_id.values():
            if task.resource is not None and task.resource["id"] == one.about:
                assert task.created_at < one.begins_at


def test_a_renamed_resource_has_another_name_from_then_on(estate: Estate, by_id: dict[str, Task]) -> None:
    for one in episodes_of(estate, "renamed"):
        named = [
            (task.created_at >= one.begins_at, task.resource["name"])
            for task in by_id.values()
            if task.resource is not None and task.resource["id"] == one.about
        ]
        before, after = ({name for is_after, name in named if is_after == side} for side in (False, True))
        assert len(after) == 1
        assert not before & after


def test_a_manual_rerun_follows_a_failure(
    estate: Estate, by_id: dict[str, Task], backups_of: dict[str, list[Task]]
) -> None:
    for one in episodes_of(estate, "manual_rerun"):
        (rerun,) = (by_id[i] for i in one.tasks)
        assert rerun.policy_id is None
        assert rerun.blocks["backup"]["backup_name"].startswith("manualbk_")
        assert rerun.created_at.weekday() < 5
        earlier = [
            task.outcome
            for task in backups_of[one.about]
            if task.vault_id == rerun.vault_id and task.created_at < rerun.created_at
        ]
        assert earlier
        assert {"failed", "timeout"} & set(earlier)
