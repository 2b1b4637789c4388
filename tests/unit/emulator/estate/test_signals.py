"""Signals are added to an estate, leave the rest of it as it is, and are visible in its tasks."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.generate import Estate, generate_estate
from cbr_emulator.estate.task import Task

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def estates() -> dict[int, Estate]:
    return {seed: generate_estate(600, 75, seed, NOW, has_signals=True) for seed in SEEDS}


def of_kind(estates: dict[int, Estate], kind: str) -> Iterator[tuple[Estate, Episode]]:
    found = [(estate, one) for estate in estates.values() for one in estate.episodes if one.kind == kind]
    assert found
    return iter(found)


def backups_about(estate: Estate, about: str) -> list[Task]:
    """Scheduled backups of a vault or a resource."""
    return [
        task
        for task in estate.tasks
        if task.operation_type == "backup"
        and task.policy_id
        and about in {task.vault_id, task.resource["id"] if task.resource else None}
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rest_of_the_estate_is_the_same_without_them(estates: dict[int, Estate], seed: int) -> None:
    without = generate_estate(600, 75, seed, NOW)
    shared = {task.id for task in without.tasks}
    assert tuple(task for task in estates[seed].tasks if task.id in shared) == without.tasks
    assert len(estates[seed].tasks) > len(without.tasks)


def test_a_short_estate_has_none() -> None:
    assert generate_estate(600, 30, 1, NOW, has_signals=True) == generate_estate(600, 30, 1, NOW)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_estate_has_every_event(estates: dict[int, Estate], seed: int) -> None:
    kinds = {one.kind for one in estates[seed].episodes if one.begins_at < NOW}
    assert kinds >= {
        "mass_delete",
        "backups_stopped",
        "retention_shortened",
        "policy_edit",
        "duration_jump",
        "failing_streak",
        "missed_slot",
        "removal",
    }


def test_backups_that_stopped_are_not_tried(estates: dict[int, Estate]) -> None:
    for estate, one in of_kind(estates, "backups_stopped"):
        at = [task.created_at for task in backups_about(estate, one.about)]
        assert not [moment for moment in at if one.begins_at <= moment < one.ends_at]
        assert [moment for moment in at if moment < one.begins_at]
        assert [moment for moment in at if moment >= one.ends_at] or one.ends_at > NOW


def test_a_shortened_retention_deletes_younger_backups_from_then_on(estates: dict[int, Estate]) -> None:
    for estate, one in of_kind(estates, "retention_shortened"):
        made = {
            task.blocks["backup"]["backup_id"]: task.ended_at
            for task in backups_about(estate, one.about)
            if task.outcome == "success"
        }
        ages: dict[bool, list[timedelta]] = defaultdict(list)
        for task in estate.tasks:
            usable_at = made.get(task.blocks.get("delete", {}).get("backup_id"))
            if usable_at is not None:
                ages[task.created_at > one.begins_at].append(task.created_at - usable_at)
        assert min(ages[True]) < min(ages[False]) - 2 * DAY


def test_jumps_are_of_backups_that_take_five_times_as_long(estates: dict[int, Estate]) -> None:
    for estate, one in of_kind(estates, "duration_jump"):
        seconds = {
            task.id: (task.ended_at - task.started_at).total_seconds()
            for task in backups_about(estate, one.about)
            if task.outcome == "success" and task.ended_at and task.started_at
        }
        usual = sorted(value for task_id, value in seconds.items() if task_id not in one.tasks)
        assert min(seconds[task_id] for task_id in one.tasks) > 3 * usual[len(usual) // 2]


def test_a_policy_is_edited_several_times_and_misses_runs_afterwards(estates: dict[int, Estate]) -> None:
    edits: dict[str, list[datetime]] = defaultdict(list)
    for _, one in of_kind(estates, "policy_edit"):
        edits[one.about].append(one.begins_at)
    assert max(map(len, edits.values())) > 1
    missed = 0
    for estate, one in of_kind(estates, "missed_slot"):
        vaults = {task.vault_id for task in backups_about(estate, one.about)}
        missed += any(
            timedelta() < one.begins_at - at < 8 * DAY
            for vault in vaults
            for at in edits.get(vault or "", ())
        )
    assert missed


def test_a_resource_is_removed_from_its_old_vault_after_it_moved(estates: dict[int, Estate]) -> None:
    moved = 0
    for estate, one in of_kind(estates, "removal"):
        (task,) = (task for task in estate.tasks if task.id in one.tasks)
        later = [other for other in backups_about(estate, one.about) if other.created_at > task.created_at]
        moved += bool(later)
        assert task.vault_id not in {other.vault_id for other in later}
    assert moved >= len(estates)


def test_vaults_differ_in_destinations_and_in_how_their_runs_are_staggered(
    estates: dict[int, Estate],
) -> None:
    regions: dict[str, set[str]] = defaultdict(set)
    runs: dict[str, list[datetime]] = defaultdict(list)
    for estate in estates.values():
        for task in estate.tasks:
            if task.operation_type == "replication" and task.vault_id:
                regions[task.vault_id].add(task.blocks["replication"]["destination_region"])
            if task.operation_type == "backup" and task.policy_id and task.checkpoint_id:
                runs[task.checkpoint_id].append(task.created_at)
    assert {len(one) for one in regions.values()} == {1, 2}
    assert any(max(one) - min(one) > timedelta(minutes=4) for one in runs.values())
