"""One policy of an estate is edited, another follows summer time; both have episodes."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.generate import Estate, generate_estate
from cbr_emulator.estate.incidents import start_simulation
from cbr_emulator.estate.lasting_changes import PolicyEdit
from cbr_emulator.estate.replication import _first_slot
from cbr_emulator.estate.schedule_changes import MAX_MACHINES
from cbr_emulator.estate.vault_factory import VaultFactory

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
SPRING = datetime(2027, 4, 10, 1, 30, tzinfo=UTC)
CHANGES = {AUTUMN: datetime(2026, 10, 25, 1, tzinfo=UTC), SPRING: datetime(2027, 3, 28, 1, tzinfo=UTC)}


@pytest.fixture(scope="module", params=[AUTUMN, SPRING], ids=["autumn", "spring"])
def now(request: pytest.FixtureRequest) -> datetime:
    at: datetime = request.param
    return at


@pytest.fixture(scope="module", params=[1, 2])
def estate(request: pytest.FixtureRequest, now: datetime) -> Estate:
    return generate_estate(3000, 30, request.param, now)


def only(estate: Estate, kind: str) -> Episode:
    (one,) = (one for one in estate.episodes if one.kind == kind)
    return one


def runs(estate: Estate, vault_id: str) -> list[datetime]:
    """When each run of the vault's policy began, to the hour."""
    return sorted(
        {
            task.created_at.replace(minute=0, second=0, microsecond=0)
            for task in estate.tasks
            if task.vault_id == vault_id and task.operation_type == "backup" and task.policy_id
        }
    )


def is_daily(found: list[datetime], clock: Callable[[datetime], datetime]) -> bool:
    """Whether no day by that clock has two runs or none."""
    return all(
        clock(after).date() - clock(before).date() == timedelta(days=1) for before, after in pairwise(found)
    )


def test_an_edited_policy_runs_at_another_hour_from_then_on(estate: Estate) -> None:
    one = only(estate, "policy_edit")
    found = runs(estate, one.about)
    before = {at.time() for at in found if at < one.begins_at}
    after = {at.time() for at in found if at > one.begins_at}
    assert (len(before), len(after)) == (1, 1)
    assert before != after
    assert one.ends_at == min(at for at in found if at > one.begins_at)
    assert is_daily(found, lambda at: at)


def test_a_policy_with_summer_time_keeps_its_local_hour(estate: Estate, now: datetime) -> None:
    one = only(estate, "clock_change")
    assert one.begins_at < CHANGES[now] <= one.ends_at
    found = runs(estate, one.about)
    local = [at.astimezone(BERLIN) for at in found]
    assert is_daily(found, lambda at: at.astimezone(BERLIN))
    assert len({at.time() for at in found}) == 2
    skipped = {at for at in local if at == CHANGES[now].astimezone(BERLIN)}  # two o'clock, that was three
    hours = {at.time() for at in local if at not in skipped}
    assert len(hours) == 1
    assert hours <= {time(hour) for hour in range(4)}


def test_both_vaults_are_small_and_the_first_runs_after_are_named(estate: Estate) -> None:
    by_id = {task.id: task for task in estate.tasks}
    for kind in ("policy_edit", "clock_change"):
        one = only(estate, kind)
        assert 1 <= len(one.tasks) <= MAX_MACHINES
        for task in (by_id[task_id] for task_id in one.tasks):
            assert (task.vault_id, task.operation_type) == (one.about, "backup")
            assert one.ends_at <= task.created_at < one.ends_at + timedelta(seconds=2)
        assert (
            len(
                {
                    task.resource["id"]
                    for task in by_id.values()
                    if task.vault_id == one.about and task.resource
                }
            )
            <= MAX_MACHINES
        )


def test_no_slot_goes_missing_where_hours_move(estate: Estate) -> None:
    """The log alone could not show that a run was due."""
    moving = {only(estate, kind).about for kind in ("policy_edit", "clock_change")}
    missed = {one.about for one in estate.episodes if one.kind == "missed_slot"}
    assert missed
    for task in estate.tasks:
        if task.vault_id in moving and task.resource is not None:
            assert task.resource["id"] not in missed


def test_copies_go_five_hours_after_the_hour_of_that_time() -> None:
    simulation = start_simulation(Random(1), AUTUMN - timedelta(days=30), AUTUMN, AUTUMN, 100)
    vault = VaultFactory(simulation).empty_vault()
    vault.hours, vault.zone = (2,), BERLIN
    vault.edits = [PolicyEdit(datetime(2026, 11, 9, 12, tzinfo=UTC), (6,), vault.weekdays)]
    for usable_at, hour in (
        (datetime(2026, 10, 24, 0, 20, tzinfo=UTC), 5),
        (datetime(2026, 10, 26, 1, 20, tzinfo=UTC), 6),
        (datetime(2026, 11, 10, 5, 20, tzinfo=UTC), 10),
    ):
        first = _first_slot(simulation, vault, usable_at)
        assert (first.date(), first.hour) == (usable_at.date(), hour)
