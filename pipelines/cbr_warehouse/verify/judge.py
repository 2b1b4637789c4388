"""Judges one day: what its count proves, and why it proves no more. Pure; counting is in ``count_days``."""

from dataclasses import dataclass

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.verify.count_days import DayCount


@dataclass(frozen=True)
class Uncertain:
    """Rows that the source may count on any day, so that they may be the whole surplus of one.

    Attributes:
        undated: Quarantined records without a usable created_at.
        repeated: Rows that repeat a task of the same page.
    """

    undated: int = 0
    repeated: int = 0


@dataclass(frozen=True)
class Judgement:
    """The verdict on one day.

    Attributes:
        state: What is proved.
        reason: Why the day is not complete; None where it is, and for today.
    """

    state: DayState
    reason: DayReason | None = None


NOTHING_UNCERTAIN = Uncertain()


def judge(found: DayCount, *, is_today: bool, uncertain: Uncertain = NOTHING_UNCERTAIN) -> Judgement:
    """Judges a day.

    Args:
        found: Its count.
        is_today: Whether the day is not over.
        uncertain: Rows that the source may count on this day.

    Returns:
        Complete only where the counts agree and the source still serves older tasks; incomplete
        where the source has more; else unverified.
    """
    if is_today:
        return Judgement(DayState.OPEN)
    if found.counted is None:
        return Judgement(DayState.UNVERIFIED, DayReason.NO_COUNT)
    # A surplus shows that tasks are missing, whatever else is wrong with the counts; so it comes first.
    surplus = found.counted - found.total
    if surplus > uncertain.undated + uncertain.repeated:
        return Judgement(DayState.INCOMPLETE, DayReason.SOURCE_HAS_MORE)
    if surplus <= 0 and found.agrees and found.older:
        return Judgement(DayState.COMPLETE)
    return Judgement(DayState.UNVERIFIED, _why_unverified(found, surplus, uncertain))


def _why_unverified(found: DayCount, surplus: int, uncertain: Uncertain) -> DayReason:
    if surplus > 0:
        is_undated = surplus <= uncertain.undated
        return DayReason.EXPLAINED_BY_UNDATED if is_undated else DayReason.EXPLAINED_BY_REPEATS
    if not found.is_usable:
        return DayReason.NO_COUNT
    # Where nothing older is served, tasks of the day may have expired: that alone explains a difference.
    return DayReason.COUNTS_DISAGREE if found.older else DayReason.EDGE_OF_RETENTION
