"""Windows that read whole UTC days, and which neighbouring days share one. Pure."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from cbr_warehouse.contract.utc_days import DAY, days_between, start_of
from cbr_warehouse.source.query import TaskQuery

PAD = timedelta(hours=1)
"""Padding of a window on both sides of its day, because it is unknown which column is filtered."""

MOST_ROWS = 200
"""Maximum number of stored rows of days that share a window: few pages, even where pages are small."""

GAP_ROWS = 50
"""Maximum number of stored rows of days in between, which are read again only to save a request."""

Span = tuple[date, date]
"""The first and the last of consecutive UTC days."""


def day_window(first: date, last: date | None = None) -> TaskQuery:
    """The window that reads a UTC day, or all days until another, padded on both sides."""
    return TaskQuery(start_time=start_of(first) - PAD, end_time=start_of(last or first) + DAY + PAD)


def share_windows(
    days: Iterable[date],
    rows_of: Callable[[date], int | None],
    *,
    most_rows: int = MOST_ROWS,
    gap_rows: int = GAP_ROWS,
) -> list[Span]:
    """Groups days so that those with few rows are read by one window.

    Args:
        days: The days to read.
        rows_of: Number of rows expected of a day; None where unknown: it gets a window of its own.
        most_rows: Maximum number of rows of a window of several days.
        gap_rows: Maximum number of rows of the days between two that share a window.

    Returns:
        The first and last day of each window, ascending.
    """
    spans: list[Span] = []
    total: int | None = 0
    for day in sorted(days):
        rows = rows_of(day)
        if spans and total is not None and rows is not None:
            first, last = spans[-1]
            between = [rows_of(one) for one in days_between(last + DAY, day - DAY)]
            gap = sum(known for known in between if known is not None)
            if None not in between and gap <= gap_rows and total + gap + rows <= most_rows:
                spans[-1], total = (first, day), total + gap + rows
                continue
        spans.append((day, day))
        total = rows
    return spans
