"""Confirms verdicts of earlier loads: many consecutive days with one count."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import dropwhile

from cbr_warehouse.contract.utc_days import consecutive_runs
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.verify.count_days import DayCounter


def renew_days(
    counter: DayCounter, complete: Sequence[date], steady: Mapping[date, AuditEntry]
) -> frozenset[date]:
    """The days whose earlier verdict one count over each run of consecutive days confirms.

    Complete days and others are counted apart, so that a row which disappears from a day that is not
    proved cannot cancel out one that appears late on a complete day.

    Args:
        counter: Counts at the source.
        complete: Days that an earlier load found complete.
        steady: Days that it did not, with its verdict: the source counts as many more than are stored
            as it did then.

    Returns:
        The confirmed days; the others need a count of their own.
    """
    same = [day for day, entry in steady.items() if counter.total(day) == entry.held]
    runs = consecutive_runs(complete) + consecutive_runs(same)
    confirmed: set[date] = set()
    # The newest first: a task created between two counts then makes a span larger, never smaller.
    for run in sorted(runs, reverse=True):
        # Days at the old end that have begun to expire cannot be confirmed, and would spoil the sum.
        served = list(dropwhile(lambda day: not counter.is_served_whole(day), run))
        surplus = sum(_surplus(steady[day]) for day in served if day in steady)
        if served and counter.span_agrees(served[0], served[-1], surplus):
            confirmed.update(served)
    return frozenset(confirmed)


def _surplus(entry: AuditEntry) -> int:
    return (entry.counted or 0) - (entry.held or 0)
