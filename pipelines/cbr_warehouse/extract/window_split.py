"""Dense windows: how a window with very many tasks is split in time by the source's counts.

Only speed depends on it: the caller compares the rows received with the count of the window, and reads
the whole window if there are fewer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.extract.pagination import is_capped
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

MOST_PAGES = 20
"""Maximum pages of a window, by the count of its first page; above it the window is split. Deep offsets are
slow, and rows that shift while pages are read cost extra requests."""

MOST_ROWS = 9_000
"""Maximum rows of a window, however large its pages; above it the window is split. Search engines behind
such lists refuse an offset of 10,000 by default."""

SHORTEST_PART = timedelta(minutes=2)
"""Minimum length of a part."""

PART_PAD = timedelta(seconds=2)
"""Padding of a part: the API takes whole seconds, and its bounds may be exclusive."""

Count = Callable[[TaskQuery], int | None]
"""Asks the source how many tasks match a query; None where it gives no count."""


@dataclass(frozen=True)
class Split:
    """A window to be read in parts.

    Attributes:
        parts: The parts, ascending; they cover the window and overlap only by their padding.
        count: Number of rows that the source counted in the window.
    """

    parts: tuple[TaskQuery, ...]
    count: int


def is_dense(page: Page) -> bool:
    """Whether the window of a first page has so many rows that it should be split."""
    received, query = len(page.records), page.query
    has_window = query is not None and query.start_time is not None
    return has_window and page.count is not None and received >= 2 and page.count > _most_rows(received)


def split_dense(page: Page, window: TaskQuery, now: datetime, count: Count) -> Split | None:
    """Splits a dense window where the source's counts show that parts of it have all its rows.

    Args:
        page: The first page of a dense window.
        window: The window, or the part of it that no other sweep of the load reads.
        now: The present, UTC; a window without an end is split as if it ended now.
        count: Asks for the count of a query.

    Returns:
        None where the window is too short, or where counts show that its parts would not do: an earlier
        end leaves nothing out, or a task that spans two parts is in neither.
    """
    total = page.count if window == page.query else count(window)
    start, end = window.start_time, window.end_time or now
    if total is None or start is None or end - start < 2 * SHORTEST_PART:
        return None
    most = _most_rows(len(page.records))
    if is_capped(total):
        # Halves may both count the most that the source counts, so only a short part can tell.
        shortest = count(replace(window, end_time=start + SHORTEST_PART))
        if shortest is None or is_capped(shortest):
            return None
    halves = _halve(window, end)
    counts = [count(half) for half in halves]
    while 0 in counts:
        # All rows are in the other half, which is split instead.
        window = halves[counts.index(0) - 1]
        start, end = window.start_time or start, window.end_time or now
        if end - start < 2 * SHORTEST_PART:
            return None
        halves = _halve(window, end)
        counts = [count(half) for half in halves]
    if not all(part is not None and (part < total or is_capped(total)) for part in counts):
        return None
    if not is_capped(total) and sum(part or 0 for part in counts) < total:
        return None
    parts = [
        part
        for half, rows in zip(halves, counts, strict=True)
        for part in _parts(half, rows or 0, half.end_time or now, most, count)
    ]
    return Split(tuple(parts), total)


def own_windows(sweeps: Iterable[Sweep]) -> dict[Sweep, TaskQuery]:
    """The part of each window that remains where its neighbours read their part of what both cover.

    Windows overlap, because it is unknown which column is filtered. If a dense one is read in parts,
    the filter is known to apply to one column, and the overlap need not be read twice.

    Args:
        sweeps: The sweeps that a load is going to make.

    Returns:
        The windows of those without other filters, each cut in the middle of its overlaps.
    """
    plain = [sweep for sweep in sweeps if sweep.query == _only_window(sweep.query)]
    plain.sort(key=lambda sweep: sweep.query.start_time or EARLIEST)
    own = {sweep: sweep.query for sweep in plain}
    for one, following in pairwise(plain):
        end, start, last = one.query.end_time, following.query.start_time, following.query.end_time
        if end is None or start is None or start >= end or (last is not None and last < end):
            continue
        middle = (start + (end - start) / 2).replace(microsecond=0)
        own[one] = replace(own[one], end_time=middle + PART_PAD)
        own[following] = replace(own[following], start_time=middle - PART_PAD)
    return own


def _only_window(query: TaskQuery) -> TaskQuery | None:
    if query.start_time is None:
        return None
    return TaskQuery(start_time=query.start_time, end_time=query.end_time)


def _most_rows(received: int) -> int:
    return min(MOST_PAGES * received, MOST_ROWS)


def _parts(window: TaskQuery, rows: int, end: datetime, most: int, count: Count) -> Iterator[TaskQuery]:
    """Halves a window until each part has at most so many rows, or is too short."""
    if window.start_time is None or rows <= most or end - window.start_time < 2 * SHORTEST_PART:
        yield window
        return
    first, second = _halve(window, end)
    counted = count(first)
    if counted is None:
        yield window
        return
    rest = count(second) if is_capped(rows) else rows - counted
    yield from _parts(first, counted, first.end_time or end, most, count)
    yield from _parts(second, rows if rest is None else rest, end, most, count)


def _halve(window: TaskQuery, end: datetime) -> tuple[TaskQuery, TaskQuery]:
    start = window.start_time or end
    middle = (start + (end - start) / 2).replace(microsecond=0)
    return (
        replace(window, end_time=middle + PART_PAD),
        replace(window, start_time=middle - PART_PAD),
    )
