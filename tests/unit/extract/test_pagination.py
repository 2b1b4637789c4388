"""A walk over a list: which offsets it asks for, where it ends, and what it does if rows move."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.extract import pagination
from cbr_warehouse.extract.pagination import (
    FAR,
    MOST_STEPS_BACK,
    PAGE_SIZES,
    ListPage,
    PageSize,
    Paginator,
    identity,
    is_capped,
)
from cbr_warehouse.raw.files import content_hash
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def row(number: int | str, **fields: int) -> bytes:
    return json.dumps({"id": f"{number}", **fields}).encode()


def rows(*numbers: int) -> list[bytes]:
    return [row(number) for number in numbers]


class Lists:
    """A list of rows, which a test may change before any request, and the offsets asked for."""

    def __init__(self, held: list[bytes], most: int, count: int | None = None) -> None:
        self.held, self.most, self.count = held, most, count
        self.changes: dict[int, Callable[[], object]] = {}
        self.offsets: list[int] = []
        self.limits: list[int] = []

    def __call__(self, limit: int, offset: int) -> Page:
        self.changes.pop(len(self.offsets), lambda: None)()
        self.offsets.append(offset)
        self.limits.append(limit)
        found = tuple(self.held[offset : offset + min(limit, self.most)])
        return Page(found, self.count, NOW, TaskQuery(), limit, offset, 200)


def walk(lists: ListPage, page_size: int = 1000) -> list[tuple[bytes, ...]]:
    return [page.records for page in Paginator(lists, page_size).pages()]


@pytest.mark.parametrize(
    ("held", "offsets"),
    [(0, [0]), (1, [0, 1]), (2, [0, 1]), (3, [0, 2]), (4, [0, 2, 3]), (5, [0, 2, 4]), (7, [0, 2, 4, 6])],
)
def test_pages_overlap_by_a_row_and_the_last_one_shows_the_end(held: int, offsets: list[int]) -> None:
    lists = Lists(rows(*range(held)), 3)
    found = walk(lists)
    assert lists.offsets == offsets
    assert list(dict.fromkeys(one for page in found for one in page)) == lists.held
    # The page that shows the end repeats a row, and is left out.
    assert len(found) == -(-(held - 1) // 2) if held > 1 else len(found) == held


def test_pages_of_one_row_do_not_overlap() -> None:
    lists = Lists(rows(1, 2, 3), 1)
    assert walk(lists) == [(row(1),), (row(2),), (row(3),)]
    assert lists.offsets == [0, 1, 2, 3]
    assert set(lists.limits) == {1000}
    walk(small := Lists(rows(1, 2, 3), 9), page_size=2)
    assert set(small.limits) == {2}


def test_rows_that_move_up_are_found_by_steps_back() -> None:
    """A row was removed above, and one slipped past between two requests."""
    lists = Lists(rows(*range(30)), 5)
    lists.changes[2] = lambda: lists.held.__delitem__(slice(0, 2))
    paginator = Paginator(lists)
    found = {one for page in paginator.pages() for one in page.records}
    assert found == {row(number) for number in range(30)}
    # At 8 there is no known row: back by five, as many as came; from there on as usual.
    assert lists.offsets[:4] == [0, 4, 8, 3]
    assert paginator.steps_back == 1


def test_each_step_back_is_twice_as_long() -> None:
    lists = Lists(rows(*range(200)), 3)

    def lose(count: int) -> Callable[[], None]:
        return lambda: lists.held.__delitem__(slice(0, count))

    walked = 40
    lists.changes = {walked: lose(60)}
    paginator = Paginator(lists)
    found = {one for page in paginator.pages() for one in page.records}
    assert found == {row(number) for number in range(200)}
    first = 2 * walked
    steps = [first, first - 3, first - 3 - 4, first - 3 - 4 - 8, first - 3 - 4 - 8 - 16, first - 63]
    assert lists.offsets[walked : walked + 6] == steps


def test_a_list_that_moves_faster_than_it_is_read_is_given_up() -> None:
    number = 0

    def moving(limit: int, offset: int) -> Page:
        nonlocal number
        number += 2
        return Page((row(number), row(number + 1)), None, NOW, TaskQuery(), limit, offset, 200)

    paginator = Paginator(moving)
    with pytest.raises(PermanentSourceError, match=f"moved {MOST_STEPS_BACK} times"):
        list(paginator.pages())
    assert paginator.steps_back == MOST_STEPS_BACK + 1


def test_a_list_that_shrinks_to_nothing_ends() -> None:
    lists = Lists(rows(*range(9)), 3)
    lists.changes[1] = lists.held.clear
    assert walk(lists) == [tuple(rows(0, 1, 2))]


def test_a_page_that_repeats_the_one_before_is_passed_over_and_is_no_end() -> None:
    lists = Lists(rows(*range(7)), 3)
    lists.changes[1] = lambda: lists.held.__setitem__(slice(0, 0), rows(100, 101))
    found = walk(lists)
    assert {one for page in found for one in page} == {*rows(*range(7))}
    assert lists.offsets == [0, 2, 4, 6, 8]


def test_a_task_that_changes_between_overlapping_pages_is_received_both_times() -> None:
    """The page that shows the end repeats one row; of a running task, its text may be a new one."""
    lists = Lists(rows(1, 2, 3), 3)
    lists.changes[1] = lambda: lists.held.__setitem__(2, row(3, progress=64))
    assert walk(lists) == [tuple(rows(1, 2, 3)), (row(3, progress=64),)]


def test_rows_beyond_a_gap_are_received_though_they_are_gone_after_the_step_back() -> None:
    lists = Lists(rows(*range(12)), 3)
    lists.changes = {1: lambda: lists.held.__delitem__(slice(0, 4)), 2: lambda: lists.held.remove(row(7))}
    found = [one for page in walk(lists) for one in page]
    assert lists.offsets[:3] == [0, 2, 0]
    assert sorted(set(found)) == sorted({*rows(*range(12))} - {row(3)})


Change = tuple[int, str, int]
"""Before which request, what happens to the list, and at which row."""

CHANGES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["edit", "remove", "add"]), st.integers(0, 30)), max_size=12
)


@settings(max_examples=500)
@given(held=st.integers(0, 25), most=st.integers(1, 6), changes=CHANGES)
def test_no_text_that_was_received_is_left_out(held: int, most: int, changes: list[Change]) -> None:
    """Whatever happens to a list between two requests."""
    lists, received, revision = Lists(rows(*range(held)), most), set[bytes](), iter(range(100))

    def change(what: str, place: int) -> None:
        place = min(place, len(lists.held))
        if what == "add":
            lists.held.insert(0, row(f"new{next(revision)}"))
        elif place < len(lists.held):
            task_id = json.loads(lists.held[place])["id"]
            lists.held[place : place + 1] = [row(task_id, at=next(revision))] if what == "edit" else []

    def list_page(limit: int, offset: int) -> Page:
        number = len(lists.offsets)
        for _, what, place in (one for one in changes if one[0] == number):
            change(what, place)
        page = lists(limit, offset)
        received.update(page.records)
        return page

    assert {one for page in walk(list_page) for one in page} == received


def test_rows_without_an_id_are_told_apart_by_their_text() -> None:
    assert identity(b'{"id": "a", "x": 1}') == identity(b'{"x": 2, "id": "a"}') == b'"a"'
    assert identity(b'{"id":1}') != identity(b'{"id":"1"}')
    for text in (b'{"x":1}', b"not JSON", b"[" * 100_000):
        assert identity(text) == content_hash(text)
    lists = Lists([b'{"x":1}', b'{"x":2}', b"not JSON"], 2)
    assert len(walk(lists)) == 2


def bounded(monkeypatch: pytest.MonkeyPatch, **bounds: int) -> None:
    for name, value in bounds.items():
        monkeypatch.setattr(pagination, name, value)


def test_equal_pages_end_a_walk_after_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded(monkeypatch, MOST_EQUAL_PAGES=7)
    asked = []

    def same(limit: int, offset: int) -> Page:
        asked.append(offset)
        return Page(tuple(rows(1, 2, 3)), None, NOW, TaskQuery(), limit, offset, 200)

    with pytest.raises(PermanentSourceError, match=r"^21 rows in a row brought no new record"):
        walk(same)
    assert len(asked) == 1 + 7


def test_rows_that_are_not_new_end_a_walk_after_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded(monkeypatch, MOST_STALE_ROWS=30)
    asked = []

    def turning(limit: int, offset: int) -> Page:
        asked.append(offset)
        page = rows(1, 2, 3) if len(asked) % 2 else rows(3, 2, 1)
        return Page(tuple(page), None, NOW, TaskQuery(), limit, offset, 200)

    with pytest.raises(PermanentSourceError, match=r"^30 rows in a row brought no new record"):
        walk(turning)
    assert len(asked) == 1 + 10
    # A new row in between starts the count again.
    lists = Lists([*rows(*range(20)), row(0), *rows(*range(20)), row(50), *rows(*range(20)), row(60)], 4)
    assert {one for page in walk(lists) for one in page} == {*rows(*range(20), 50, 60)}


class Endless:
    """Has three new rows at every offset, and others beyond the end of any list."""

    def __init__(self, far: Callable[[int], list[bytes]], count: int | None = None) -> None:
        self.far, self.count = far, count
        self.asked: list[tuple[int, int]] = []

    def __call__(self, limit: int, offset: int) -> Page:
        self.asked.append((limit, offset))
        held = self.far(offset) if offset >= FAR else rows(offset, offset + 1, offset + 2)
        return Page(tuple(held), self.count, NOW, TaskQuery(), limit, offset, 200)

    def pages_before_far(self) -> list[int]:
        """After how many pages it was asked for rows far away, each time."""
        far = [place for place, (_, offset) in enumerate(self.asked) if offset >= FAR]
        return [place - number for number, place in enumerate(far)]


def test_more_rows_than_the_source_counted_are_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded(monkeypatch, SPARE_ROWS=10)
    lists = Endless(rows, count=20)
    with pytest.raises(PermanentSourceError, match="brought 51 rows in 17 pages and still has more"):
        walk(lists)
    # A count of the page, or a capped one, bounds nothing.
    for count in (3, 10_000):
        pages = Paginator(Endless(rows, count)).pages()
        assert len([next(pages) for _ in range(100)]) == 100


HAVE_ENDS: list[Callable[[int], list[bytes]]] = [
    lambda _offset: rows(1, 2),  # the last rows, or the first ones again
    lambda offset: rows(offset) if offset == FAR else [],
    lambda offset: [] if offset == FAR else rows(offset),
    lambda _offset: [],
]


@pytest.mark.parametrize("far", HAVE_ENDS)
def test_a_long_list_that_has_an_end_is_read_on(
    monkeypatch: pytest.MonkeyPatch, far: Callable[[int], list[bytes]]
) -> None:
    bound = pagination._Bound
    monkeypatch.setattr(pagination, "_Bound", lambda: bound(most_pages=10))
    lists = Endless(far)
    pages = Paginator(lists).pages()
    assert len([next(pages) for _ in range(45)]) == 45
    # At two offsets after ten pages, and after twice as many, and again.
    assert lists.pages_before_far() == [11, 11, 21, 21, 41, 41]
    assert {limit for limit, offset in lists.asked if offset >= FAR} == {PAGE_SIZES[-1]}


def test_a_long_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = pagination._Bound
    monkeypatch.setattr(pagination, "_Bound", lambda: bound(most_pages=10))
    with pytest.raises(PermanentSourceError, match="brought 33 rows in 11 pages and still has more"):
        walk(Endless(rows))


@pytest.mark.parametrize("status", [400, 404])
def test_a_far_offset_that_is_refused_is_beyond_the_end(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    def refuse(_offset: int) -> list[bytes]:
        raise PermanentSourceError("offset is too large", status)

    bound = pagination._Bound
    monkeypatch.setattr(pagination, "_Bound", lambda: bound(most_pages=10))
    pages = Paginator(Endless(refuse)).pages()
    if status == 400:
        assert len([next(pages) for _ in range(15)]) == 15
    else:
        with pytest.raises(PermanentSourceError, match="offset is too large"):
            list(pages)


def test_a_count_in_whole_thousands_may_be_capped() -> None:
    assert [count for count in (0, 999, 9_000, 10_000, 10_001, 10_500, 65_000) if is_capped(count)] == [
        10_000,
        65_000,
    ]


def test_the_largest_page_is_the_least_that_a_source_gives() -> None:
    size = PageSize()
    assert (size.rows, size.received) == (1000, 0)
    for received in (2, 5, 3):
        page = Page(tuple(rows(*range(received))), None, NOW, TaskQuery(), 10, 0, 200)
        assert size.ask(lambda _limit, page=page: page, 10) is page
    assert (size.rows, size.received) == (1000, 5)
