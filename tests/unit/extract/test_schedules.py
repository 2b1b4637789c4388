"""When days and ended tasks are read again, and by which windows, at the edges of each interval."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.extract.retry_schedule import INTERVALS, JITTER, is_due, is_steady
from cbr_warehouse.extract.settle_schedule import (
    EDGE,
    EDIT_MEMORY,
    GAP,
    LEAST_OPEN_TASKS,
    MOST_WINDOWS,
    due_spans,
    may_thin_out,
    open_task_windows,
    task_windows,
)
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.stored_tasks import FollowedTask

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()
HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)


def unproved(**values: object) -> AuditEntry:
    found = {"counted": 12, "held": 11, "state": "unverified", "reason": DayReason.COUNTS_DISAGREE} | values
    found = {"day": TODAY - DAY, "expired": 0, "checked_at": NOW} | found
    return AuditEntry(**found)  # type: ignore[arg-type]  # as declared


def test_a_day_is_steady_where_its_counts_would_show_a_change() -> None:
    assert is_steady(unproved())
    assert is_steady(unproved(state="incomplete", reason=DayReason.SOURCE_HAS_MORE))
    for other in ({"state": "complete"}, {"counted": None}, {"held": None}, {"reason": DayReason.NO_COUNT}):
        assert not is_steady(unproved(**other))


@pytest.mark.parametrize(("asks", "interval"), list(enumerate(INTERVALS, start=1)))
def test_a_steady_day_is_asked_for_at_growing_intervals(asks: int, interval: timedelta) -> None:
    """A load that begins some minutes early counts: schedules are not exact."""
    early = interval - JITTER
    assert is_due(unproved(asks=asks, asked_at=NOW - early), NOW)
    assert not is_due(unproved(asks=asks, asked_at=NOW - early + MOMENT), NOW)


def test_other_days_are_asked_for_by_every_load_and_steady_ones_at_last_by_none() -> None:
    assert is_due(unproved(counted=None, asks=9, asked_at=NOW), NOW)
    assert is_due(unproved(asks=0, asked_at=NOW), NOW)
    assert is_due(unproved(asks=2), NOW)
    assert not is_due(unproved(asks=len(INTERVALS) + 1, asked_at=NOW - 99 * DAY), NOW)


def audits(**states: str) -> dict[date, AuditEntry]:
    """Verdicts by how many days ago."""
    days = {TODAY - int(ago.removeprefix("ago")) * DAY: state for ago, state in states.items()}
    return {day: unproved(day=day, state=state) for day, state in days.items()}


def test_tasks_are_left_out_where_a_recent_day_is_proved_and_nothing_was_edited() -> None:
    for ago in ("ago1", "ago2", "ago3"):
        assert may_thin_out(NOW, audits(**{ago: "complete"}), None)
    assert may_thin_out(NOW, audits(ago1="unverified", ago3="complete"), None)
    for states in ({}, {"ago0": "complete"}, {"ago4": "complete"}, {"ago1": "unverified"}):
        assert not may_thin_out(NOW, audits(**states), None)
    assert may_thin_out(NOW, audits(ago1="complete"), NOW - EDIT_MEMORY)
    assert not may_thin_out(NOW, audits(ago1="complete"), NOW - EDIT_MEMORY + MOMENT)


def hours_ago(last_load: timedelta, settle: timedelta) -> list[tuple[float, float]]:
    """The spans due now, in hours before, if the last load was so long ago."""
    spans = due_spans(NOW - last_load, NOW, settle)
    return [((NOW - since) / HOUR, (NOW - (until or NOW)) / HOUR) for since, until in spans]


def test_spans_that_touch_are_one() -> None:
    assert hours_ago(HOUR, 2 * DAY) == [(49, 48), (25, 24), (13, 12), (5, 4), (2, 1)]
    # Three hours later, what was an hour old then is four hours old now.
    assert hours_ago(3 * HOUR, DAY) == [(27, 24), (15, 12), (7, 1)]
    assert hours_ago(99 * HOUR, 12 * HOUR) == [(111, 1)]
    assert hours_ago(HOUR, HOUR / 2) == [(1.5, 0.5)]
    assert hours_ago(0 * HOUR, HOUR) == [(1, 1)]


def ended(*hours_ago: float) -> list[FollowedTask]:
    return [FollowedTask(NOW - ago * HOUR, None, is_open=False) for ago in hours_ago]


def window(earlier: float, later: float) -> TaskQuery:
    return TaskQuery(start_time=NOW - earlier * HOUR - EDGE, end_time=NOW - later * HOUR + EDGE)


def test_three_tasks_near_each_other_are_worth_a_window() -> None:
    half = GAP / HOUR
    assert task_windows([]) == []
    assert task_windows(ended(1, 2)) == []
    assert task_windows(ended(1, 1 + half, 1 + 2 * half)) == [window(2, 1)]
    assert task_windows(ended(1, 1 + half, 1.001 + 2 * half)) == []
    assert task_windows(ended(9, 9, 9, 1, 1, 1)) == [window(9, 9), window(1, 1)]


def test_a_window_has_the_creation_and_the_start_of_each_task() -> None:
    """Which of them the source filters by is not known."""
    late = FollowedTask(NOW - 2 * HOUR, NOW + 3 * HOUR, is_open=False)
    early = FollowedTask(NOW - 1.9 * HOUR, NOW - 2.2 * HOUR, is_open=False)
    found = task_windows([late, early, *ended(2), *ended(1.5)])
    assert found == [window(2.2, -3)]


def test_scattered_tasks_share_wider_windows_so_that_there_are_few() -> None:
    groups = [hour for hour in range(MOST_WINDOWS) for _ in range(3)]
    assert len(task_windows(ended(*groups))) == MOST_WINDOWS
    more = [hour for hour in range(MOST_WINDOWS + 1) for _ in range(3)]
    assert task_windows(ended(*more)) == [window(MOST_WINDOWS, 0)]


def test_many_open_tasks_near_each_other_are_worth_a_window() -> None:
    wave = [hour / 100 for hour in range(LEAST_OPEN_TASKS)]
    assert open_task_windows([]) == []
    assert open_task_windows(ended(*wave[1:])) == []
    assert open_task_windows(ended(*wave, 9, 9, 9)) == [window(wave[-1], 0)]


def test_groups_of_open_tasks_are_not_joined_however_many_there_are() -> None:
    hours = range(2 * MOST_WINDOWS)
    groups = [hour for hour in hours for _ in range(LEAST_OPEN_TASKS)]
    assert open_task_windows(ended(*groups)) == [window(hour, hour) for hour in reversed(hours)]
