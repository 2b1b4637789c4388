"""Dense windows: whether a window has so many tasks that it is split in time, and into which parts. Pure.

Only speed depends on it. The parts overlap and lie within the window. The caller compares the rows
received with the count of the window, and reads the whole window if there are fewer.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from cbr_warehouse.extract.plan import PAD
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

MOST_PAGES = 20
"""Maximum pages of a window, by the count of its first page; above it the window is split. Deep offsets are
slow, and rows that shift while pages are read cost extra requests."""

MOST_ROWS = 9_000
"""Maximum rows of a window, however large its pages; above it the window is split. Search engines behind
such lists refuse an offset of 10,000 by default."""

SHORTEST_PART = timedelta(minutes=10)
"""Minimum length of a part; a shorter one would be mostly padding."""

LEAST_PAD = timedelta(seconds=2)
"""Minimum padding of a part: the API takes whole seconds, and its bounds may be exclusive."""


def split_dense(page: Page, now: datetime) -> tuple[TaskQuery, ...]:
    """Splits a window if the count of its first page is large.

    Args:
        page: The first page of the window.
        now: The present, UTC; a window without an end is split as if it ended now.

    Returns:
        Parts that cover the window, each overlapping its neighbours; empty if the window is not dense,
        has no start, or is too short. The last part has no end if the window has none.
    """
    query = page.query
    received = len(page.records)
    if query is None or query.start_time is None or page.count is None or received < 2:
        return ()
    start, end = query.start_time, query.end_time or now
    needed = ceil(page.count / min(MOST_PAGES * received, MOST_ROWS))
    parts = min(needed, (end - start) // SHORTEST_PART)
    if parts < 2:
        return ()
    length = (end - start) / parts
    # Short padding suffices if the filter applies to one column; if not, the caller sees the count differ.
    pad = max(LEAST_PAD, min(PAD, length / 8))
    return tuple(
        replace(
            query,
            start_time=max(start, start + n * length - pad),
            end_time=query.end_time if n == parts - 1 else min(end, start + (n + 1) * length + pad),
        )
        for n in range(parts)
    )
