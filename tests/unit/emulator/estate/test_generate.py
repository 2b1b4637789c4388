"""The estate is realistic for every seed."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from cbr_emulator.estate.generate import Estate, generate_estate
from cbr_emulator.estate.task import Task

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
DAYS = 30
TASKS = 20_000
OPEN = {"waiting", "running"}


@pytest.fixture(scope="module", params=[1, 2, 3])
def estate(request: pytest.FixtureRequest) -> Estate:
    return generate_estate(TASKS, DAYS, request.param, NOW)


@pytest.fixture(scope="module")
def past(estate: Estate) -> dict[str, list[Task]]:
    """What happened before its present, by type."""
    found: dict[str, list[Task]] = {}
    for task in estate.tasks:
        if task.created_at < NOW:
            found.setdefault(task.operation_type, []).append(task)
    return found


def test_it_has_about_as_many_tasks_as_asked_for(past: dict[str, list[Task]]) -> None:
    assert TASKS <= sum(len(tasks) for tasks in past.values()) <= 1.01 * TASKS


@pytest.mark.parametrize(("tasks", "days"), [(1, 30), (10, 30), (50, 3), (300, 2), (900, 6), (5000, 1)])
def test_a_small_one_has_too(tasks: int, days: int) -> None:
    within = [task for task in generate_estate(tasks, days, 1, NOW).tasks if task.created_at < NOW]
    assert tasks <= len(within) <= tasks + max(8, tasks / 50)


def test_shares_are_those_of_a_real_log(past: dict[str, list[Task]]) -> None:
    backups = Counter(task.outcome for task in past["backup"])
    tried = backups["success"] + backups["failed"] + backups["timeout"]
    shares = {
        "success": backups["success"] / tried,
        "timeout": backups["timeout"] / tried,
        "skipped": backups["skipped"] / len(past["backup"]),
        "deletions": len(past["delete"]) / len(past["backup"]),
        "copies": len(past["replication"]) / len(past["backup"]),
        "failed copies": sum(task.outcome == "failed" for task in past["replication"])
        / len(past["replication"]),
        "full": sum(not task.blocks["backup"]["incremental"] for task in past["backup"] if task.blocks)
        / len(past["backup"]),
        "restores": len(past["restore"]) / len(past["backup"]),
    }
    shown = {name: round(share, 4) for name, share in shares.items()}
    assert 0.95 <= shares["success"] <= 0.99, shown
    assert 0 <= shares["timeout"] <= 0.003, shown
    assert 0 < shares["skipped"] <= 0.02, shown
    assert 0.6 <= shares["deletions"] <= 1.2, shown
    assert 0.1 <= shares["copies"] <= 0.6, shown
    assert 0.005 <= shares["failed copies"] <= 0.04, shown
    assert 0.02 <= shares["full"] <= 0.08, shown
    assert 0.0005 <= shares["restores"] <= 0.01, shown


def test_each_day_deletes_about_what_a_day_makes(past: dict[str, list[Task]]) -> None:
    first = NOW.date() - timedelta(days=DAYS)
    made = Counter(task.created_at.date() for task in past["backup"])
    deleted = Counter(task.created_at.date() for task in past["delete"])
    for day in (first + timedelta(days=n) for n in range(1, DAYS)):
        assert 0.4 * made[day] <= deleted[day] <= 1.6 * made[day], day


def test_what_is_too_old_is_deleted_by_day_and_only_that(estate: Estate, past: dict[str, list[Task]]) -> None:
    is_manual = {i for one in estate.episodes if one.kind == "mass_delete" for i in one.tasks}
    hours = {task.created_at.hour for task in past["delete"] if task.id not in is_manual}
    assert hours == set(range(8, 20))


def test_copies_go_five_hours_after_the_backups(past: dict[str, list[Task]]) -> None:
    usable = {
        task.blocks["backup"]["backup_id"]: task.ended_at
        for task in past["backup"]
        if task.outcome == "success"
    }
    lags = []
    for task in past["replication"]:
        source = usable[task.blocks["replication"]["source_backup_id"]]
        assert source is not None
        assert task.ended_at is not None
        lags.append((task.ended_at - source) / timedelta(hours=1))
    lags.sort()
    assert 4 <= lags[len(lags) // 2] <= 7
    assert lags[len(lags) * 95 // 100] <= 26


def test_failures_say_why_and_successes_do_not(estate: Estate) -> None:
    for task in estate.tasks:
        assert bool(task.error[0]) == (task.outcome == "failed")


def test_most_failures_are_of_something_that_lasts(estate: Estate, past: dict[str, list[Task]]) -> None:
    lasting = {"failing_streak", "vault_full", "incident"}
    told = {i for one in estate.episodes if one.kind in lasting for i in one.tasks}
    failed = [task.id for task in past["backup"] if task.outcome == "failed"]
    assert len(told & set(failed)) > len(failed) / 2


def test_every_documented_type_occurs(past: dict[str, list[Task]]) -> None:
    documented = {
        "backup",
        "replication",
        "delete",
        "restore",
        "vault_delete",
        "remove_resource",
        "sync",
        "copy",
    }
    assert past.keys() >= documented


def test_policies_differ() -> None:
    days: dict[str, set[int]] = {}
    hours: dict[str, set[int]] = {}
    for task in generate_estate(50_000, DAYS, 1, NOW).tasks:
        if task.operation_type == "backup" and task.policy_id is not None:
            days.setdefault(task.policy_id, set()).add(task.created_at.weekday())
            hours.setdefault(task.policy_id, set()).add(task.created_at.hour)
    assert {len(found) for found in days.values()} >= {1, 5, 7}
    assert {len(found) for found in hours.values()} >= {1, 2, 4, 24}


def test_names_are_also_chinese_and_a_resource_may_be_in_two_vaults() -> None:
    vaults: dict[str, set[str]] = {}
    names: set[str] = set()
    for seed in (1, 2, 3):
        for task in generate_estate(TASKS, DAYS, seed, NOW).tasks:
            if task.operation_type == "backup" and task.resource is not None and task.policy_id:
                vaults.setdefault(task.resource["id"], set()).add(task.vault_id or "")
                names.add(task.resource["name"])
    assert any(len(found) == 2 for found in vaults.values())
    assert any("财务" in name for name in names)


def test_vaults_of_a_name_are_one() -> None:
    ids: dict[str, set[str]] = {}
    for task in generate_estate(TASKS, DAYS, 4, NOW).tasks:
        ids.setdefault(task.vault_name or "", set()).add(task.vault_id or "")
    assert all(len(found) == 1 for found in ids.values())


def test_some_tasks_run_and_some_wait_at_its_present(estate: Estate) -> None:
    statuses = {task.status_at(NOW) for task in estate.tasks if task.created_at <= NOW}
    assert statuses >= {"running", "waiting", "success", "failed", "skipped"}


def test_it_goes_on_after_its_present(estate: Estate) -> None:
    ahead = Counter(task.created_at.date() for task in estate.tasks if task.created_at > NOW)
    assert all(ahead[NOW.date() + timedelta(days=n)] > TASKS / DAYS / 2 for n in range(1, 4))


def test_the_same_seed_is_the_same_estate() -> None:
    assert generate_estate(500, 5, 9, NOW) == generate_estate(500, 5, 9, NOW)
    assert generate_estate(500, 5, 9, NOW) != generate_estate(500, 5, 8, NOW)
    assert generate_estate(500, 5, 9, NOW) != generate_estate(500, 5, 9, NOW + timedelta(seconds=1))


def test_updated_at_shows_every_change_of_a_record(estate: Estate) -> None:
    """A running task made progress under the updated_at of its start."""
    unfinished = [task for task in estate.tasks if task.created_at <= NOW and task.status_at(NOW) in OPEN]
    changes = 0
    for task in unfinished:
        before = json.loads(task.record_at(NOW, "p"))
        for later in (NOW + n * timedelta(seconds=7) for n in range(1, 200)):
            after = json.loads(task.record_at(later, "p"))
            has_changed = before != after
            changes += has_changed
            assert (before["updated_at"] < after["updated_at"]) == has_changed
            assert after["updated_at"] <= later.isoformat()[:26]
            before = after
    assert changes > 50


def test_some_tasks_end_as_they_start_and_some_start_before_they_are_created(estate: Estate) -> None:
    at_once = Counter(
        (task.operation_type, task.outcome)
        for task in estate.tasks
        if task.started_at is not None and task.started_at == task.ended_at and task.ended_at != NOW
    )
    assert at_once.keys() == {("delete", "failed"), ("sync", "success")}
    assert sum(at_once.values()) < len(estate.tasks) / 200
    early = [task for task in estate.tasks if task.started_at and task.started_at < task.created_at]
    assert 0 < len(early) < len(estate.tasks) / 1000
