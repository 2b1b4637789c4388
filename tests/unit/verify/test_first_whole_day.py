"""The first day that a source still has whole: the day before it expires while it is counted."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.sorted_times import SortedTimes
from cbr_warehouse.tables.task_times import TimeIndex
from cbr_warehouse.verify.count_days import DayCounter
from cbr_warehouse.verify.judge import judge

FIRST = date(2026, 10, 22)
TODAY = date(2026, 10, 25)
BEGIN = datetime(2026, 10, 21, 13, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TASKS = [BEGIN + timedelta(seconds=50 * number) for number in range(84 * 72)]
"""One every 50 seconds, also at midnight, from the day before the first until yesterday's end."""

LATER = 3_000_000
"""Microseconds between two times of a task, so that windows tell which column the filter applies to."""


def state_of_first(held: list[datetime], served: list[datetime]) -> DayState:
    micros = sorted((one - EPOCH) // timedelta(microseconds=1) for one in held)
    created = SortedTimes.of(np.array(micros, np.int64))
    later = SortedTimes.of(np.array(micros, np.int64) + LATER)
    times = TimeIndex({"created_at": created, "started_at": later, "updated_at": later}, created, later, {})

    def count(query: TaskQuery) -> int:
        return sum(query.start_time is None or one >= query.start_time for one in served)

    days = [FIRST + timedelta(days=n) for n in range(3)]
    return judge(DayCounter(count, times, TODAY).count_days(days)[FIRST], is_today=False).state


def test_it_is_proved_though_the_day_before_has_lost_tasks_since_they_were_read() -> None:
    """It stayed unverified, and was called lost once it left retention: every task of it was held."""
    assert state_of_first(TASKS, TASKS[3:]) is DayState.COMPLETE


def test_it_is_proved_though_the_day_before_was_never_asked_for() -> None:
    asked = datetime(2026, 10, 21, 23, tzinfo=UTC)
    assert state_of_first([one for one in TASKS if one >= asked], TASKS) is DayState.COMPLETE


def test_it_is_not_proved_while_a_task_of_it_is_missing() -> None:
    missing = next(one for one in TASKS if one.date() == FIRST and one.hour == 9)
    for served in (TASKS, TASKS[3:]):
        assert state_of_first([one for one in TASKS if one != missing], served) is not DayState.COMPLETE


def test_it_is_not_proved_where_nothing_older_is_served() -> None:
    served = [one for one in TASKS if one.date() >= FIRST]
    assert state_of_first(TASKS, served) is not DayState.COMPLETE


def test_quarantined_records_beside_midnight_are_counted_where_they_are() -> None:
    """Where midnight is busy, a day's count begins a little later: it had the broken records of the next."""
    midnight = datetime(2026, 10, 24, tzinfo=UTC)
    # Nothing is quiet until five seconds past midnight.
    busy = [midnight + timedelta(seconds=second) for second in range(5)]
    held = [one for one in TASKS if abs(one - midnight) > timedelta(seconds=10)] + busy
    broken = [midnight + timedelta(seconds=1, milliseconds=300), midnight + timedelta(seconds=2)]
    micros, refused = (
        np.array(sorted((one - EPOCH) // timedelta(microseconds=1) for one in times), np.int64)
        for times in (held, broken)
    )
    created, later = SortedTimes.of(micros), SortedTimes.of(micros + LATER)
    columns = {"created_at": created, "started_at": later, "updated_at": later}
    times = TimeIndex(columns, created, later, {midnight.date(): len(broken)}, SortedTimes.of(refused))
    served = held + broken

    def count(query: TaskQuery) -> int:
        return sum(query.start_time is None or one >= query.start_time for one in served)

    days = [FIRST + timedelta(days=n) for n in range(3)]
    found = DayCounter(count, times, TODAY).count_days(days)
    assert {judge(found[day], is_today=False).state for day in days} == {DayState.COMPLETE}
