"""Every load ends: whatever a source does with its pages, the number of requests is bounded."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.extract import pagination
from cbr_warehouse.extract.pagination import MOST_EQUAL_PAGES, ListPage, Paginator
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from support.living_source import Dialect, LivingSource, living
from support.load_bench import DIALECTS, Bench

pytestmark = pytest.mark.fault("liveness")

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
MOST_REQUESTS = 6_000


class Limited(LivingSource):
    """Ends the test where it is asked without end."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        assert self.requests_made < MOST_REQUESTS, "this load does not end"
        return super().list_tasks(query, limit=limit, offset=offset)


class IgnoresOffset(Limited):
    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        return super().list_tasks(query, limit=limit, offset=0)


class IgnoresWindows(Limited):
    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        return super().list_tasks(TaskQuery(), limit=limit, offset=offset)


class Endless(Limited):
    """Has a full page of rows never seen before at every offset."""

    claims: int | None = None

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=1, offset=0)
        record = json.loads(page.records[0]) if page.records else self.tasks[0].at(self.now)
        rows = tuple(
            json.dumps({**record, "id": f"{self.requests_made}-{n}"}).encode() for n in range(min(limit, 20))
        )
        first = (json.dumps({**record, "id": "overlap"}).encode(),)
        return replace(page, records=(first + rows)[:limit], count=self.claims)


class EndlessCounted(Endless):
    claims = 50


class Repeats(Limited):
    """Gives the last row again at every offset beyond its end."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=limit, offset=offset)
        return page if page.records else super().list_tasks(query, limit=1, offset=0)


class Moving(Limited):
    """Gets a task at the top of its list with every request, a minute later than the one before."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        last = self.tasks[-1]
        later = NOW + timedelta(milliseconds=self.requests_made)
        self.tasks.append(replace(last, id=f"new-{self.requests_made}", created_at=later, visible_from=NOW))
        return super().list_tasks(query, limit=limit, offset=offset)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_load_ends_under_every_dialect(tmp_path: Path, name: str) -> None:
    source = Limited(NOW, DIALECTS[name], living(NOW, 1, DIALECTS[name]).tasks[:40])
    assert Bench(tmp_path, source).load(publish=False).sources[0].entry.outcome == "done"


@pytest.mark.parametrize("most", [1, 1000])
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (IgnoresOffset, "ignored the parameter offset"),
        (Endless, "its list has no end"),
        (EndlessCounted, "its list has no end"),
        (IgnoresWindows, None),
        (Repeats, None),
        (Moving, None),
    ],
)
def test_a_load_ends_whatever_the_pages_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[LivingSource],
    sentence: str | None,
    most: int,
) -> None:
    """A source that ignores offset was asked 18,366 times in 60 seconds, and would have been for ever."""
    # Small bounds: what counts here is that each of them ends a load.
    monkeypatch.setattr(pagination, "MOST_EQUAL_PAGES", 20)
    monkeypatch.setattr(pagination, "MOST_STALE_ROWS", 20 * most)
    monkeypatch.setattr(pagination, "SPARE_ROWS", 100)
    bounds = pagination._Bound
    monkeypatch.setattr(pagination, "_Bound", lambda: bounds(most_pages=60))
    dialect = Dialect(most=most)
    bench = Bench(tmp_path, kind(NOW, dialect, living(NOW, 1, dialect).tasks[:30]))
    report = bench.load(publish=False)
    entry = report.sources[0].entry
    assert entry.outcome in {"done", "failed"}
    if sentence is not None and entry.outcome == "failed":
        assert "no new record" in str(entry.message) or "no end" in str(entry.message)
    if sentence is not None and most == 1000 and kind is not IgnoresOffset:
        assert sentence in str(entry.message)


def pages_of(rows: list[bytes], *, count: int | None, ignores_offset: bool = False) -> Paginator:
    def list_page(limit: int, offset: int) -> Page:
        begin = 0 if ignores_offset else offset
        return Page(tuple(rows[begin : begin + limit]), count, NOW, TaskQuery(), limit, offset, 200)

    return Paginator(list_page, page_size=10)


def test_a_source_that_ignores_offset_is_given_up_with_a_sentence() -> None:
    rows = [json.dumps({"id": f"{n}"}).encode() for n in range(30)]
    walk = pages_of(rows, count=30, ignores_offset=True)
    asked = 0

    def count_requests(limit: int, offset: int, list_page: ListPage = walk.list_page) -> Page:
        nonlocal asked
        asked += 1
        return list_page(limit, offset)

    walk.list_page = count_requests
    with pytest.raises(PermanentSourceError, match="rows in a row brought no new record"):
        list(walk.pages())
    assert asked <= MOST_EQUAL_PAGES + 2


def test_small_pages_can_step_back_far() -> None:
    """A burst of 1,000 new tasks between two requests for pages of ten was taken for an ignored offset."""
    rows = [json.dumps({"id": f"{n}"}).encode() for n in range(3_000)]
    walk = pages_of(rows, count=None)
    list_page = walk.list_page

    def burst(limit: int, offset: int) -> Page:
        if offset > 1_000 and len(rows) == 3_000:
            rows[:0] = [json.dumps({"id": f"new-{n}"}).encode() for n in range(1_500)]
        return list_page(limit, offset)

    walk.list_page = burst
    list(walk.pages())
    assert {f'"{n}"'.encode() for n in range(3_000)} <= walk.seen


def test_a_capped_count_is_no_bound() -> None:
    rows = [json.dumps({"id": f"{n}"}).encode() for n in range(31_000)]
    walk = Paginator(pages_of(rows, count=10_000).list_page, page_size=1000)
    list(walk.pages())
    assert len(walk.seen) == len(rows)


def test_a_count_of_the_page_does_not_bound_a_long_walk() -> None:
    rows = [json.dumps({"id": f"{n}"}).encode() for n in range(25_000)]
    walk = pages_of(rows, count=10)
    assert sum(len(page.records) for page in walk.pages()) >= len(rows)
    assert len(walk.seen) == len(rows)


def test_a_list_that_grows_while_it_is_read_is_read_to_its_end() -> None:
    rows = [json.dumps({"id": f"{n}"}).encode() for n in range(5_000)]
    walk = pages_of(rows, count=100)
    for _ in walk.pages():
        pass
    assert len(walk.seen) == len(rows)


def test_a_long_list_of_small_pages_without_a_count_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages of ten rows ended at 20,000 pages: a source of 200,000 tasks could not be loaded."""
    monkeypatch.setattr(pagination, "MOST_UNCOUNTED_PAGES", 50)
    bounds = pagination._Bound
    monkeypatch.setattr(pagination, "_Bound", lambda: bounds(most_pages=50))
    rows = [json.dumps({"id": f"{n}"}).encode() for n in range(5_000)]
    walk = Paginator(pages_of(rows, count=None).list_page, page_size=10)
    list(walk.pages())
    assert len(walk.seen) == len(rows)
