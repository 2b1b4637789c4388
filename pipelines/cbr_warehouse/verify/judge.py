"""Judges one day: what its count proves. Pure; counting is in ``count_days``."""

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.verify.count_days import DayCount


def judge(found: DayCount, *, is_today: bool, uncertain: int = 0) -> DayState:
    """Judges a day.

    Args:
        found: Its count.
        is_today: Whether the day is not over.
        uncertain: Quarantined records without a usable created_at, and rows that repeat a task: the
            source may count any of them on this day, so they may be its whole surplus.

    Returns:
        Complete only where the counts agree and the source still serves older tasks; incomplete
        where the source has more; else unverified.
    """
    if is_today:
        return DayState.OPEN
    if found.counted is None:
        return DayState.UNVERIFIED
    if found.counted > found.total:
        is_explained = found.counted - found.total <= uncertain
        return DayState.UNVERIFIED if is_explained else DayState.INCOMPLETE
    return DayState.COMPLETE if found.agrees and found.older else DayState.UNVERIFIED
