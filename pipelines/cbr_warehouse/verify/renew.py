"""Confirms days that were complete before: many consecutive days with one count."""

from collections.abc import Sequence
from datetime import date
from itertools import dropwhile

from cbr_warehouse.contract.utc_days import consecutive_runs
from cbr_warehouse.verify.count_days import DayCounter


def renew_days(counter: DayCounter, days: Sequence[date]) -> frozenset[date]:
    """The days that one count over each run of consecutive days confirms.

    Args:
        counter: Counts at the source.
        days: Days that an earlier load found complete, ascending.

    Returns:
        The confirmed days; the others need a count of their own.
    """
    confirmed: set[date] = set()
    for run in consecutive_runs(days):
        # Days at the old end that have begun to expire cannot be confirmed, and would spoil the sum.
        served = list(dropwhile(lambda day: not counter.is_served_whole(day), run))
        if served and counter.span_agrees(served[0], served[-1]):
            confirmed.update(served)
    return frozenset(confirmed)
