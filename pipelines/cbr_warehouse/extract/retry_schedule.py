"""When a day that its counts did not prove is asked for again in other, expensive ways. Pure.

A day with quarantined records that the source counts, or with rows that it lists twice, is never
proved, however often it is read. So it is read again at growing intervals, by every deep load, and at
once where its counts or what is stored of it differ from the time before. Its counts are compared by
every load all the same: a task that appears late is a difference.
"""

from datetime import datetime, timedelta

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.raw.ledgers import AuditEntry

INTERVALS = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
"""Time between the first times that such a day is asked for; after them, deep loads ask for it."""

JITTER = timedelta(minutes=5)
"""How much earlier than an interval a load may begin and still count: schedules are not exact."""

_SHOWN_BY_COUNTS = frozenset(
    {
        DayReason.SOURCE_HAS_MORE,
        DayReason.COUNTS_DISAGREE,
        DayReason.EXPLAINED_BY_UNDATED,
        DayReason.EXPLAINED_BY_REPEATS,
    }
)
"""Reasons of days whose counts would show a late task: the source serves them whole and counts them."""


def is_steady(entry: AuditEntry) -> bool:
    """Whether a day is not proved, but its counts would show if anything about it changed."""
    return (
        entry.state in {DayState.UNVERIFIED, DayState.INCOMPLETE}
        and entry.reason in _SHOWN_BY_COUNTS
        and entry.counted is not None
        and entry.held is not None
    )


def is_due(entry: AuditEntry, now: datetime) -> bool:
    """Whether a day that is not proved is asked for again by a load that is not deep.

    Args:
        entry: The latest verdict on the day.
        now: Start of the load, UTC.
    """
    if not is_steady(entry) or entry.asked_at is None or entry.asks == 0:
        return True
    if entry.asks > len(INTERVALS):
        return False
    return now - entry.asked_at >= INTERVALS[entry.asks - 1] - JITTER
