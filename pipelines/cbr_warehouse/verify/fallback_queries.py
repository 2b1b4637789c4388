"""Fallback queries for days whose counts do not agree, to be tried one after the other. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from cbr_warehouse.contract.api_facts import OPERATION_TYPES, PROVIDERS, STATUSES
from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.extract.plan import Sweep, day_window
from cbr_warehouse.source.query import TaskQuery


def fallback_sweeps(days: Sequence[date]) -> Iterator[list[Sweep]]:
    """Sweeps that ask for days in other ways, cheapest first, until the counts agree.

    Args:
        days: The days; with none there is nothing to try.

    Yields:
        The same windows again; then without ``end_time``, which may hide tasks that have no end yet; by
        status, by type and by provider, each of which may have a hidden default; then without any time.
    """
    if not days:
        return
    windows = [day_window(day) for day in sorted(days)]
    yield [Sweep(window, "counts do not agree: the same window again") for window in windows]
    yield [Sweep(TaskQuery(start_time=start_of(min(days)) - DAY), "counts do not agree: without end_time")]
    narrowed = {
        "status": [replace(window, status=value) for window in windows for value in STATUSES],
        "type": [replace(window, operation_type=value) for window in windows for value in OPERATION_TYPES],
        "provider": [replace(window, provider_id=value) for window in windows for value in PROVIDERS],
    }
    for name, queries in narrowed.items():
        yield [Sweep(query, f"counts do not agree: by {name}", may_be_refused=True) for query in queries]
    yield [Sweep(TaskQuery(), "counts do not agree: everything")]
