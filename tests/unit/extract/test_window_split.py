"""How a dense window is split: by which counts, into which parts, and where it is left whole."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.window_split import (
    MOST_PAGES,
    MOST_ROWS,
    PART_PAD,
    SHORTEST_PART,
    Count,
    Split,
    is_dense,
    own_windows,
    split_dense,
)
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = TaskQuery(start_time=NOW - 64 * MINUTE, end_time=NOW, status="failed")


def page(count: int | None, query: TaskQuery | None = WINDOW, received: int = 10) -> Page:
    return Page((b"{}",) * received, count, NOW, query, 1000, 0, 200)


class Rows:
    """Counts rows at given minutes before noon, and notes the windows that it is asked for."""

    def __init__(self, *minutes: float, cap: int | None = None) -> None:
        self.times = [NOW - minute * MINUTE for minute in minutes]
        self.cap = cap
        self.asked: list[TaskQuery] = []

    def __call__(self, query: TaskQuery) -> int:
        assert query.start_time is not None
        assert query.status == "failed"
        self.asked.append(query)
        return self.count(query.start_time, query.end_time or NOW)

    def count(self, start: datetime, end: datetime) -> int:
        # The padding of the parts is shorter than the rows are apart.
        found = sum(start + PART_PAD <= at < end - PART_PAD for at in self.times)
        return found if self.cap is None else min(found, self.cap)


def minutes(split: Split | None) -> list[tuple[int, int]]:
    """Begin and end of each part in minutes before noon, rounded to leave out its padding."""
    assert split is not None
    times = [(NOW - (part.start_time or NOW), NOW - (part.end_time or NOW)) for part in split.parts]
    return [(round(start / MINUTE), round(end / MINUTE)) for start, end in times]


def split(
    rows: Rows, total: int | None = None, window: TaskQuery = WINDOW, received: int = 10
) -> Split | None:
    counted = len(rows.times) if total is None else total
    return split_dense(page(counted, received=received), window, NOW, rows)


EVEN = [n / 10 + 0.05 for n in range(640)]


@pytest.mark.parametrize(("received", "most"), [(2, 2 * MOST_PAGES), (450, MOST_ROWS), (1000, MOST_ROWS)])
def test_a_window_is_dense_above_so_many_pages_or_rows(received: int, most: int) -> None:
    assert is_dense(page(most + 1, received=received))
    assert not is_dense(page(most, received=received))
    assert not is_dense(page(most + 1, TaskQuery(end_time=NOW), received))
    assert is_dense(page(most + 1, TaskQuery(start_time=NOW), received))


def test_each_part_has_at_most_so_many_rows() -> None:
    rows = Rows(*EVEN)
    found = split(rows)
    assert found is not None
    assert found.count == 640
    assert minutes(found) == [(64, 48), (48, 32), (32, 16), (16, 0)]
    assert {part.status for part in found.parts} == {"failed"}
    # Both halves of the window, and the first one of each half: the rest is known.
    assert len(rows.asked) == 2 + 2
    # Of a row more than fits, the part is halved again.
    assert minutes(split(Rows(*EVEN, *[n / 1000 + 60 for n in range(41)]))) == [
        (64, 56),
        (56, 48),
        (48, 32),
        (32, 16),
        (16, 0),
    ]


def test_parts_are_not_shorter_than_two_minutes() -> None:
    burst = Rows(*[10 + n / 1000 for n in range(500)])
    found = minutes(split(burst))
    assert sum(start - end for start, end in found) <= 64
    assert min(start - end for start, end in found) >= SHORTEST_PART / MINUTE
    assert min(start - end for start, end in found) < 2 * SHORTEST_PART / MINUTE
    assert found[-1][1] == 0 or found[-1][1] < 10


def test_the_half_without_rows_is_left_out_of_the_split() -> None:
    """Only the part that has rows is read in parts: the counts show that the rest has none."""
    late, early = [n / 10 + 0.05 for n in range(310)], [n / 10 + 33.05 for n in range(310)]
    assert minutes(split(Rows(*late))) == [(32, 16), (16, 0)]
    assert minutes(split(Rows(*early))) == [(64, 48), (48, 32)]
    third = [n / 20 + 33.05 for n in range(280)]
    assert minutes(split(Rows(*third))) == [(48, 40), (40, 32)]
    shortest = Rows(*[n / 100 + 62.5 for n in range(21)])
    assert split(shortest) is None


def test_a_window_that_is_too_short_is_not_split() -> None:
    rows = [n / 100 + 0.05 for n in range(390)]
    for length, is_split in ((4, True), (3.9, False)):
        window = TaskQuery(start_time=NOW - length * MINUTE, end_time=NOW, status="failed")
        found = split_dense(page(390, window), window, NOW, Rows(*rows))
        assert (found is not None) == is_split


def test_a_window_without_an_end_ends_now() -> None:
    window = TaskQuery(start_time=NOW - 64 * MINUTE, status="failed")
    found = split_dense(page(640, window), window, NOW, Rows(*EVEN))
    assert minutes(found) == [(64, 48), (48, 32), (32, 16), (16, 0)]
    assert found is not None
    assert [part.end_time is None for part in found.parts] == [False, False, False, True]


def test_only_the_part_of_a_window_that_no_other_reads_is_split() -> None:
    """Its rows are counted, since those of the page are of the whole window."""
    own = TaskQuery(start_time=NOW - 64 * MINUTE, end_time=NOW - 32 * MINUTE, status="failed")
    rows = Rows(*EVEN)
    found = split(rows, window=own)
    assert found is not None
    assert (found.count, rows.asked[0]) == (320, own)
    assert minutes(found) == [(64, 48), (48, 32)]
    assert split_dense(page(640), own, NOW, lambda _query: None) is None


@pytest.mark.parametrize(
    "counts",
    [
        lambda _query: 640,  # an earlier end or a later start leaves nothing out
        lambda query: 640 if query.start_time == WINDOW.start_time else 300,
        lambda query: 300 if query.start_time == WINDOW.start_time else 640,
        lambda _query: 319,  # tasks that span both halves are in neither
        lambda query: None if query.start_time == WINDOW.start_time else 320,
        lambda query: 320 if query.start_time == WINDOW.start_time else None,
    ],
)
def test_counts_that_do_not_add_up_split_nothing(counts: Callable[[TaskQuery], int | None]) -> None:
    assert split_dense(page(640), WINDOW, NOW, counts) is None


def test_halves_that_have_all_rows_are_sufficient() -> None:
    # More than all: rows in the padding of both.
    for half in (320, 321):
        assert split_dense(page(640), WINDOW, NOW, count_of({32: half, 16: 160})) is not None


def count_of(by_minutes: dict[int, int]) -> Count:
    """Counts by the length of a window alone."""
    return lambda query: by_minutes.get(round(((query.end_time or NOW) - (query.start_time or NOW)) / MINUTE))


def test_a_part_that_is_not_counted_is_read_whole() -> None:
    found = split_dense(page(640), WINDOW, NOW, count_of({32: 320}))
    assert minutes(found) == [(64, 32), (32, 0)]


CAPPED = [n / 1000 + 0.0005 for n in range(64_000)]


def test_a_capped_count_is_believed_where_a_short_part_shows_that_windows_count() -> None:
    rows = Rows(*CAPPED[::3], cap=10_000)
    found = split(rows, 10_000, received=1000)
    assert rows.asked[0].end_time == NOW - 64 * MINUTE + SHORTEST_PART
    assert found is not None
    assert (found.count, minutes(found)) == (10_000, [(64, 48), (48, 32), (32, 16), (16, 0)])
    assert split_dense(page(10_000, received=1000), WINDOW, NOW, lambda _query: 10_000) is None
    assert split_dense(page(10_000, received=1000), WINDOW, NOW, lambda _query: None) is None


def test_the_rest_of_a_capped_part_is_counted() -> None:
    """What is left of 10,000 is not the number of rows in the other half."""
    dense = [n / 1000 + 32.0005 for n in range(16_000)]
    rows = Rows(*dense, *[n / 100 + 48.005 for n in range(1_600)], *[0.5], cap=10_000)
    found = minutes(split(rows, 10_000, received=1000))
    assert found == [(64, 48), (48, 40), (40, 32), (32, 0)]


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def sweep(start: float | None, end: float | None, **values: str) -> Sweep:
    times = {"start_time": start, "end_time": end}
    given = {name: at(minute) for name, minute in times.items() if minute is not None}
    return Sweep(TaskQuery(**given, **values), "why")  # type: ignore[arg-type]  # times and texts


def test_neighbours_meet_in_the_middle_of_what_both_cover() -> None:
    one, two, three = sweep(0, 20), sweep(10, 40), sweep(30, None)
    others = [sweep(None, 20), sweep(5, 15, status="failed"), sweep(None, None)]
    own = own_windows([three, *others, one, two])
    assert own == {
        one: TaskQuery(start_time=at(0), end_time=at(15) + PART_PAD),
        two: TaskQuery(start_time=at(15) - PART_PAD, end_time=at(35) + PART_PAD),
        three: TaskQuery(start_time=at(35) - PART_PAD),
    }


def test_windows_that_only_touch_or_contain_others_stay_as_they_are() -> None:
    for sweeps in (
        [sweep(0, 10), sweep(10, 20)],
        [sweep(0, 10), sweep(11, 20)],
        [sweep(0, 30), sweep(10, 20)],
        [sweep(0, None), sweep(10, 20)],
    ):
        assert own_windows(sweeps) == {one: one.query for one in sweeps}
    same_end = [sweep(0, 20), sweep(10, 20)]
    assert own_windows(same_end)[same_end[0]].end_time == at(15) + PART_PAD
    apart = [sweep(0, 10), sweep(20, 40), sweep(30, 50)]
    assert own_windows(apart)[apart[1]] == TaskQuery(start_time=at(20), end_time=at(35) + PART_PAD)
    assert own_windows([]) == {}


def test_the_middle_is_a_whole_second() -> None:
    """The API's times have no fractions."""
    one, two = sweep(0, 10), sweep(0, 20)
    odd = Sweep(TaskQuery(start_time=at(5) + timedelta(microseconds=1), end_time=at(20)), "why")
    assert own_windows([one, odd])[one].end_time == at(7.5) + PART_PAD
    assert two.query.end_time == at(20)
    window = TaskQuery(start_time=NOW - timedelta(seconds=301), end_time=NOW, status="failed")
    found = split_dense(page(390, window), window, NOW, Rows(*[n / 100 + 0.5 for n in range(390)]))
    assert found is not None
    assert {part.end_time.microsecond for part in found.parts if part.end_time} == {0}
