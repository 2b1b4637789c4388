"""Fallback queries for days whose counts do not agree, to be tried one after the other. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum

from cbr_warehouse.contract.api_facts import OPERATION_TYPES, PROVIDERS, STATUSES
from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.extract.day_windows import MOST_ROWS, day_window, share_windows
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.extract.retry_schedule import is_steady
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery

GAP_ROWS = 1000
"""Maximum number of stored rows between two days that share a window here: each is asked for in some
twenty ways, which read the rows in between three times in all."""


class Way(StrEnum):
    """A way to ask for days again."""

    SAME_WINDOW = "the same window again"
    NO_END = "without end_time"
    BY_STATUS = "by status"
    BY_TYPE = "by type"
    BY_PROVIDER = "by provider"
    EVERYTHING = "everything"


ALL_WAYS = tuple(Way)
"""Cheapest first. ``end_time`` may hide tasks that have no end yet; status, type and provider may each
have a hidden default."""

WAYS_OF_RETRY = ((Way.SAME_WINDOW, Way.BY_STATUS), (Way.BY_TYPE,), (Way.BY_PROVIDER,))
"""The ways of the first retries of a day whose numbers stay the same; deep loads take all of them."""


def ways_of(asks: int) -> tuple[Way, ...]:
    """The ways to ask for a day again whose numbers are the same as when it was last asked for.

    Args:
        asks: How often it was asked for with these numbers, from 1.
    """
    return WAYS_OF_RETRY[min(max(asks, 1), len(WAYS_OF_RETRY)) - 1]


def fallback_sweeps(
    days: Sequence[date],
    rows_of: Callable[[date], int],
    page_rows: int = MOST_ROWS,
    ways: Sequence[Way] = ALL_WAYS,
) -> Iterator[list[Sweep]]:
    """Sweeps that ask for days in other ways, to be tried one after the other until the counts agree.

    Args:
        days: The days; with none there is nothing to try.
        rows_of: Number of stored rows of any day.
        page_rows: Rows per page that the source returns.
        ways: The ways to try.

    Yields:
        The sweeps of each way. Days with few rows share a window.
    """
    if not days:
        return
    spans = share_windows(days, rows_of, most_rows=page_rows, gap_rows=min(GAP_ROWS, page_rows))
    windows = [day_window(first, last) for first, last in spans]
    queries = {
        Way.SAME_WINDOW: windows,
        Way.NO_END: [TaskQuery(start_time=start_of(min(days)) - DAY)],
        Way.BY_STATUS: [replace(window, status=value) for window in windows for value in STATUSES],
        Way.BY_TYPE: [
            replace(window, operation_type=value) for window in windows for value in OPERATION_TYPES
        ],
        Way.BY_PROVIDER: [replace(window, provider_id=value) for window in windows for value in PROVIDERS],
        Way.EVERYTHING: [TaskQuery()],
    }
    for way in ways:
        may_be_refused = way in {Way.BY_STATUS, Way.BY_TYPE, Way.BY_PROVIDER}
        yield [Sweep(query, f"counts do not agree: {way.value}", may_be_refused) for query in queries[way]]


def expected_sweeps(plan: Plan, audits: Mapping[date, AuditEntry], page_rows: int) -> list[Sweep]:
    """The fallback sweeps of a load if no day changes.

    Args:
        plan: The load's plan.
        audits: The latest verdict on each day.
        page_rows: Rows per page that the source returns.
    """
    short: dict[tuple[Way, ...], list[date]] = {}
    for day in plan.doubted:
        entry = audits.get(day)
        if entry is not None and is_steady(entry) and (entry.counted or 0) > (entry.held or 0):
            ways = ways_of(entry.asks) if plan.purpose is Purpose.INCREMENTAL and entry.asks else ALL_WAYS
            short.setdefault(ways, []).append(day)

    def rows_of(day: date) -> int:
        return (audits[day].held if day in audits else None) or 0

    return [
        sweep
        for ways, days in short.items()
        for sweeps in fallback_sweeps(days, rows_of, page_rows, ways)
        for sweep in sweeps
    ]
