"""Counts of stored times and quiet seconds are those that a search through all times would find."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.tables.sorted_times import SortedTimes
from cbr_warehouse.tables.task_times import COLUMNS, TimeIndex

START = datetime(2026, 11, 18, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)
# Close together, on and next to whole seconds and to each other.
INSTANTS = st.builds(
    lambda seconds, micros: START + seconds * SECOND + micros * MICRO,
    st.integers(-3, 12),
    st.sampled_from([-1, 0, 0, 1, 500_000]),
)
TIMES = st.lists(INSTANTS, max_size=6)


def micros(times: list[datetime]) -> SortedTimes:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return SortedTimes.of(np.array(sorted((time - epoch) // MICRO for time in times), np.int64))


def index(created: list[datetime], updated: list[datetime], refused: list[datetime]) -> TimeIndex:
    by_column = dict(zip(COLUMNS, (micros(created), micros([]), micros(updated)), strict=True))
    return TimeIndex(by_column, micros(created), micros(updated), {date(2026, 11, 18): 1}, micros(refused))


@settings(max_examples=50, deadline=None)
@given(TIMES, TIMES, INSTANTS, INSTANTS | st.none())
def test_counts_are_of_the_half_open_span(
    created: list[datetime], refused: list[datetime], start: datetime, end: datetime | None
) -> None:
    stored = index(created, [], refused)
    inside = [time for time in created if start <= time and (end is None or time < end)]
    assert stored.between("created_at", start, end) == len(inside)
    assert stored.refused_in(start, end) == sum(
        start <= one and (end is None or one < end) for one in refused
    )
    if end is not None:
        assert stored.first_in("created_at", start, end) == min(inside, default=None)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(INSTANTS, st.integers(0, 5)), max_size=5), INSTANTS)
def test_tasks_across_an_instant_began_before_it_and_did_not_end_before_it(
    tasks: list[tuple[datetime, int]], instant: datetime
) -> None:
    ends = [begin + seconds * SECOND for begin, seconds in tasks if seconds]
    found = index([begin for begin, _ in tasks], ends, []).across(instant)
    open_tasks = sum(begin < instant for begin, seconds in tasks if not seconds)
    assert found == open_tasks + sum(
        begin < instant <= begin + seconds * SECOND for begin, seconds in tasks if seconds
    )


def is_quiet(second: datetime, times: list[datetime]) -> bool:
    """Nothing happens in it, nor in the second before: whichever way a filter rounds, it counts the same."""
    return not any(second - SECOND <= time < second + SECOND for time in times)


@settings(max_examples=50, deadline=None)
@given(TIMES, TIMES, TIMES, INSTANTS)
def test_the_first_quiet_second_from_an_instant_on(
    created: list[datetime], updated: list[datetime], refused: list[datetime], instant: datetime
) -> None:
    found = index(created, updated, refused).quiet_from(instant)
    first = instant.replace(microsecond=0) + (SECOND if instant.microsecond else timedelta())
    seconds = (first + number * SECOND for number in range(40))
    assert found == next(one for one in seconds if is_quiet(one, created + updated + refused))


@settings(max_examples=50, deadline=None)
@given(TIMES, TIMES, TIMES, st.integers(-3, 12), st.integers(1, 8))
def test_the_last_quiet_second_until_an_instant(
    created: list[datetime], updated: list[datetime], refused: list[datetime], second: int, most: int
) -> None:
    instant = START + second * SECOND
    found = index(created, updated, refused).quiet_before(instant, most * SECOND)
    seconds = (instant - number * SECOND for number in range(most))
    assert found == next((one for one in seconds if is_quiet(one, created + updated + refused)), None)


def test_where_no_second_of_six_hours_is_quiet_the_instant_itself_counts() -> None:
    busy = [START + number * SECOND for number in range(-1, 6 * 3600)]
    assert index(busy, [], []).quiet_from(START) == START
    assert index(busy[:-2], [], []).quiet_from(START) == START + timedelta(hours=6) - SECOND
