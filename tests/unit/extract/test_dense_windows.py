"""A dense window is split in time, and what comes home is the same under every dialect."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cbr_warehouse.extract import window_split
from cbr_warehouse.extract.day_windows import day_window
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.window_split import PART_PAD, Count, is_dense, own_windows, split_dense
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from support.living_source import Dialect, LivingSource, living
from support.load_bench import DIALECTS, Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
HORIZON = datetime(2026, 11, 13, tzinfo=UTC)
DAY = TaskQuery(start_time=NOW - timedelta(hours=26), end_time=NOW - timedelta(hours=2), status="failed")


def first_page(query: TaskQuery | None, count: int | None, received: int = 1000) -> Page:
    return Page((b"{}",) * received, count, NOW, query, 1000, 0, 200)


def even(total: int, whole: TaskQuery, *, cap: int | None = None) -> Count:
    """Counts tasks that are spread evenly over a window."""
    begin, end = whole.start_time, whole.end_time or NOW
    assert begin is not None

    def count(query: TaskQuery) -> int:
        assert begin is not None
        assert query.start_time is not None
        inside = min(query.end_time or end, end) - max(query.start_time, begin)
        rows = round(total * (inside / (end - begin)))
        return rows if cap is None else min(rows, cap)

    return count


def parts_of(query: TaskQuery, total: int, received: int = 1000) -> tuple[TaskQuery, ...]:
    page = first_page(query, total, received)
    assert is_dense(page)
    split = split_dense(page, query, NOW, even(total, query))
    assert split is not None
    assert split.count == total
    return split.parts


def test_a_window_of_many_pages_is_split_into_parts_that_cover_it_and_barely_overlap() -> None:
    parts = parts_of(DAY, 90_000)
    assert 10 <= len(parts) <= 16
    assert parts[0].start_time == DAY.start_time
    assert parts[-1].end_time == DAY.end_time
    assert {part.status for part in parts} == {"failed"}
    for one, next_one in pairwise(parts):
        assert one.end_time is not None
        assert next_one.start_time is not None
        assert one.end_time - next_one.start_time == 2 * PART_PAD


def test_small_pages_make_parts_of_few_pages() -> None:
    assert 5 <= len(parts_of(DAY, 5_000, received=50)) <= 8


def test_the_live_edge_keeps_its_open_end() -> None:
    parts = parts_of(TaskQuery(start_time=NOW - timedelta(days=2)), 25_000)
    assert [part.end_time is None for part in parts] == [False] * (len(parts) - 1) + [True]


def test_a_burst_is_split_where_it_is() -> None:
    """All tasks within ten minutes: parts of equal length had none, or nearly all of them."""
    burst = TaskQuery(start_time=NOW - timedelta(hours=3), end_time=NOW - timedelta(hours=3, minutes=-10))
    asked = []

    def count(query: TaskQuery) -> int:
        asked.append(query)
        return max(0, even(30_001, burst)(query))

    split = split_dense(first_page(DAY, 30_001), DAY, NOW, count)
    assert split is not None
    assert max(count(part) for part in split.parts) <= 9_000
    assert len(asked) < 40


def test_a_capped_count_splits_all_the_same() -> None:
    """Both the window and its parts had a count of 10,000, so that none was ever split."""
    split = split_dense(first_page(DAY, 10_000), DAY, NOW, even(80_000, DAY, cap=10_000))
    assert split is not None
    assert max(even(80_000, DAY)(part) for part in split.parts) <= 9_000


@pytest.mark.parametrize(
    "page",
    [
        first_page(DAY, 9_000),
        first_page(DAY, None),
        first_page(DAY, 1000),
        first_page(DAY, 90_000, received=1),
        first_page(TaskQuery(status="running"), 90_000),
        first_page(None, 90_000),
    ],
    ids=["few pages", "no count", "count of the page", "one row a page", "no time", "by id"],
)
def test_other_windows_are_walked_as_they_are(page: Page) -> None:
    assert not is_dense(page)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (TaskQuery(start_time=NOW - timedelta(minutes=3)), lambda _query: 50_000),
        (DAY, lambda _query: 90_000),
        (DAY, lambda _query: 10_000),
        (DAY, lambda _query: None),
    ],
    ids=["too short", "its end is ignored", "tasks span its halves", "no count"],
)
def test_a_window_is_not_split_where_parts_would_not_do(query: TaskQuery, count: Count) -> None:
    assert split_dense(first_page(query, 90_000), query, NOW, count) is None


def test_a_dense_day_leaves_to_its_neighbours_what_they_read() -> None:
    midnight = datetime(2026, 11, 18, tzinfo=UTC)
    days = [Sweep(day_window(midnight.date() + n * timedelta(days=1)), "why") for n in range(2)]
    edge = Sweep(TaskQuery(start_time=midnight + timedelta(hours=47)), "edge")
    other = Sweep(TaskQuery(status="running"), "open")
    own = own_windows([days[1], other, days[0], edge])
    assert own.keys() == {*days, edge}
    reached = own[days[0]].end_time
    assert reached == midnight + timedelta(days=1) + PART_PAD
    assert own[days[1]].start_time == reached - 2 * PART_PAD
    assert own[days[1]].end_time == midnight + timedelta(hours=48) + PART_PAD
    assert own[edge] == TaskQuery(start_time=midnight + timedelta(hours=48) - PART_PAD)


@pytest.mark.parametrize("column", ["created_at", "started_at", "updated_at"])
def test_a_dense_day_is_received_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    """200,000 tasks of one day were received 3.1 times."""
    monkeypatch.setattr(window_split, "MOST_ROWS", 400)
    source = LivingSource(NOW, Dialect(most=200, column=column))
    random = Random(5)
    for _ in range(3_000):
        source.add(random, NOW - timedelta(hours=60) + timedelta(seconds=random.uniform(0, 12 * 3600)))
    bench = Bench(tmp_path, source)
    entry = bench.load(publish=False).sources[0].entry
    assert len(bench.stored()) == 3_000
    assert entry.records is not None
    assert entry.records <= 1.2 * 3_000


@pytest.mark.parametrize("name", DIALECTS)
def test_what_comes_home_is_the_same_under_every_dialect(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_split, "MOST_PAGES", 1)
    dialect = replace(DIALECTS[name], most=min(4, DIALECTS[name].most))
    bench = Bench(tmp_path, living(NOW, 6, dialect))
    bench.load(publish=False)
    truth = bench.truth(HORIZON)
    assert truth.items() <= bench.stored().items()


class Noting(LivingSource):
    """A source that notes how far each window was walked."""

    deepest: dict[TaskQuery, int]

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        self.deepest[query] = max(self.deepest.get(query, 0), offset)
        return super().list_tasks(query, limit=limit, offset=offset)


def deepest_walks(folder: Path, dialect: Dialect) -> dict[TaskQuery, int]:
    plain = living(NOW, 6, dialect)
    source = Noting(NOW, dialect, plain.tasks)
    source.deepest = {}
    Bench(folder, source).load(publish=False)
    return {query: offset for query, offset in source.deepest.items() if query.start_time is not None}


def test_walks_become_short_where_counts_can_be_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = deepest_walks(tmp_path / "whole", Dialect(most=4))
    monkeypatch.setattr(window_split, "MOST_PAGES", 2)
    split = deepest_walks(tmp_path / "split", Dialect(most=4))
    assert max(split.values()) < max(whole.values()) / 2


class IgnoresEnd(LivingSource):
    """A source that does as if ``end_time`` had not been sent."""

    def _matches(self, record: dict[str, Any], query: TaskQuery) -> bool:
        return super()._matches(record, replace(query, end_time=None))


def test_a_window_is_not_split_where_an_earlier_end_leaves_nothing_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part, and each part of a part, was the whole window and what came after it again."""
    asked = []
    for most_pages in (1000, 2):
        monkeypatch.setattr(window_split, "MOST_PAGES", most_pages)
        source = IgnoresEnd(NOW, Dialect(most=4), living(NOW, 6, Dialect()).tasks)
        Bench(tmp_path / str(most_pages), source).load(publish=False)
        asked.append(source.requests_made)
    whole, split = asked
    assert split < 1.2 * whole


def test_parts_that_leave_tasks_out_are_made_good_by_walking_the_whole_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a filter by start and end, a task that spans two parts lies in neither."""
    monkeypatch.setattr(window_split, "MOST_PAGES", 2)
    dialect = Dialect(most=4, column="started_at", end_column="ended_at")
    walks = deepest_walks(tmp_path, dialect)
    assert max(walks.values()) > 12, "some window was walked to its end"
