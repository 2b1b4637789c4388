"""Which days share a window, and what it covers."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cbr_warehouse.extract.day_windows import GAP_ROWS, MOST_ROWS, day_window, share_windows
from cbr_warehouse.source.query import TaskQuery

FIRST = date(2026, 11, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def shared(rows: list[int | None], read: list[int] | None = None) -> list[tuple[int, int]]:
    """The windows of days with so many rows each, of which some are read."""
    numbers = range(len(rows)) if read is None else read
    spans = share_windows(
        [day(number) for number in numbers], lambda one: rows[(one - FIRST).days], most_rows=20, gap_rows=5
    )
    return [((first - FIRST).days, (last - FIRST).days) for first, last in spans]


def test_a_window_has_an_hour_more_on_both_sides() -> None:
    assert day_window(FIRST) == TaskQuery(
        start_time=datetime(2026, 10, 31, 23, tzinfo=UTC), end_time=datetime(2026, 11, 2, 1, tzinfo=UTC)
    )
    assert day_window(FIRST, day(2)).end_time == datetime(2026, 11, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "windows"),
    [
        ([], []),
        ([10, 10], [(0, 1)]),
        ([10, 11], [(0, 0), (1, 1)]),
        ([30, 5, 5], [(0, 0), (1, 2)]),
        ([9, 9, 9, 9], [(0, 1), (2, 3)]),
        ([1, None, 1, 1], [(0, 0), (1, 1), (2, 3)]),
        ([0, 0, 0], [(0, 2)]),
    ],
)
def test_days_share_a_window_as_long_as_it_has_few_rows(
    rows: list[int | None], windows: list[tuple[int, int]]
) -> None:
    assert shared(rows) == windows


@pytest.mark.parametrize(
    ("between", "windows"),
    [
        ([5], [(0, 2)]),
        ([6], [(0, 0), (2, 2)]),
        ([2, 3], [(0, 3)]),
        ([3, 3], [(0, 0), (3, 3)]),
        ([None], [(0, 0), (2, 2)]),
        ([0, None, 0], [(0, 0), (4, 4)]),
    ],
)
def test_few_rows_between_two_days_are_read_again(
    between: list[int | None], windows: list[tuple[int, int]]
) -> None:
    assert shared([1, *between, 1], [0, len(between) + 1]) == windows


def test_rows_between_count_as_rows_of_the_window() -> None:
    assert shared([10, 5, 5], [0, 2]) == [(0, 2)]
    assert shared([10, 5, 6], [0, 2]) == [(0, 0), (2, 2)]
    assert shared([8, 2, 8, 2], [0, 2, 3]) == [(0, 3)]
    assert shared([8, 2, 8, 3], [0, 2, 3]) == [(0, 2), (3, 3)]


def test_the_order_of_the_days_does_not_matter() -> None:
    assert shared([1, 1, 1], [2, 0, 1]) == [(0, 2)]


def test_the_usual_limits() -> None:
    days = [day(0), day(2)]
    rows = {day(0): MOST_ROWS - GAP_ROWS - 1, day(1): GAP_ROWS, day(2): 1}
    assert share_windows(days, rows.get) == [(day(0), day(2))]
    assert len(share_windows(days, (rows | {day(1): GAP_ROWS + 1, day(0): 1}).get)) == 2
    assert len(share_windows(days, (rows | {day(2): 2}).get)) == 2
