"""The estate is believable whatever its seed: what no real customer's log would show, it does not show."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from pipelines.emulator.layout import Estate, lay_out

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
DAYS = 30
TASKS = 12_000


@pytest.fixture(scope="module", params=[1, 2, 3])
def estate(request: pytest.FixtureRequest) -> Estate:
    return lay_out(TASKS, DAYS, request.param, NOW)


def test_it_has_about_as_many_tasks_as_asked_for(estate: Estate) -> None:
    within = [task for task in estate.tasks if NOW - timedelta(days=DAYS) <= task.created_at < NOW]
    assert abs(len(within) - TASKS) <= TASKS / 50


def test_it_goes_on_after_its_present(estate: Estate) -> None:
    assert any(task.created_at > NOW + timedelta(days=1) for task in estate.tasks)


def test_ids_are_unique_and_valid(estate: Estate) -> None:
    ids = [task.id for task in estate.tasks]
    assert len(set(ids)) == len(ids)
    assert all(str(UUID(one)) == one for one in ids)


def test_nothing_ends_before_it_starts(estate: Estate) -> None:
    for task in estate.tasks:
        if task.started_at is not None and task.ended_at is not None:
            assert task.ended_at >= task.started_at


def test_a_resource_is_backed_up_once_at_a_time_and_first_in_full(estate: Estate) -> None:
    backups = defaultdict(list)
    for task in estate.tasks:
        is_run = task.operation_type == "backup" and task.outcome != "skipped" and task.created_at <= NOW
        if is_run and task.resource:
            backups[task.resource["id"]].append(task)
    for tasks in backups.values():
        for before, after in pairwise(tasks):
            assert before.ended_at is not None
            assert before.ended_at <= after.created_at
        done = [task for task in tasks if task.outcome == "success"]
        assert (
            not done
            or done[0].blocks["backup"]["incremental"] is False
            or done[0].created_at > NOW - timedelta(29)
        )


def test_failures_say_why_and_successes_do_not(estate: Estate) -> None:
    for task in estate.tasks:
        assert bool(task.error[0]) == (task.outcome == "failed")


def test_what_was_made_to_happen_is_told_and_there(estate: Estate) -> None:
    by_id = {task.id: task for task in estate.tasks}
    assert {one.kind for one in estate.episodes} >= {"failing_streak", "incident", "manual_rerun"}
    for episode in estate.episodes:
        if episode.kind in {"failing_streak", "incident"}:
            assert all(by_id[task_id].outcome == "failed" for task_id in episode.tasks)


def test_every_documented_type_occurs(estate: Estate) -> None:
    kinds = {task.operation_type for task in lay_out(50_000, DAYS, 1, NOW).tasks}
    assert kinds >= {
        "backup",
        "replication",
        "delete",
        "restore",
        "vault_delete",
        "remove_resource",
        "sync",
        "copy",
    }


def test_some_tasks_run_and_some_wait_at_its_present(estate: Estate) -> None:
    statuses = {task.status_at(NOW) for task in estate.tasks if task.created_at <= NOW}
    assert statuses >= {"running", "waiting", "success", "failed", "skipped"}


def test_the_same_seed_is_the_same_estate() -> None:
    assert lay_out(500, 5, 9, NOW) == lay_out(500, 5, 9, NOW)
    assert lay_out(500, 5, 9, NOW) != lay_out(500, 5, 8, NOW)
