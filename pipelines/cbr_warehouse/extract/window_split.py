"""Dense windows: when a window holds so much that it is split in time, and into which parts. Pure.

Only speed depends on it. The parts overlap and lie within the window; whoever walks them compares
what they brought with what was counted, and walks the whole window where that is less.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from cbr_warehouse.extract.plan import PAD
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

MOST_PAGES = 20
"""Pages of a walk, by its first page's count, above which its window is split: deep offsets are slow,
and rows that move while pages are read cost steps back."""

MOST_ROWS = 9_000
"""Rows above which a window is split, however large its pages: search engines behind such lists refuse
an offset of 10,000 by default."""

SHORTEST_PART = timedelta(minutes=10)
"""A shorter part is mostly its padding."""

LEAST_PAD = timedelta(seconds=2)
"""Whole seconds are asked for, and bounds may be exclusive."""


def split_dense(page: Page, now: datetime) -> tuple[TaskQuery, ...]:
    """Splits a window whose first page says that it holds very much.

    Args:
        page: The first page of the window.
        now: The present, UTC: where a window without an end is cut at the latest.

    Returns:
        Parts that cover the window, each reaching into its neighbours; none where the window is not
        dense by its count, has no beginning, or is too short.
    """
    query = page.query
    received = len(page.records)
    if query is None or query.start_time is None or page.count is None or received < 2:
        return ()
    start, end = query.start_time, query.end_time or now
    wanted = ceil(page.count / min(MOST_PAGES * received, MOST_ROWS))
    parts = min(wanted, (end - start) // SHORTEST_PART)
    if parts < 2:
        return ()
    length = (end - start) / parts
    # Little is enough for any filter on one column; the others are seen by comparing with the count.
    pad = max(LEAST_PAD, min(PAD, length / 8))
    return tuple(
        replace(
            query,
            start_time=max(start, start + n * length - pad),
            end_time=query.end_time if n == parts - 1 else min(end, start + (n + 1) * length + pad),
        )
        for n in range(parts)
    )
