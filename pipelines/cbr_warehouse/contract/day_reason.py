"""Why a day is not complete, and what to do about it: the one place that maps state and reason to words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cbr_warehouse.contract.day_state import DayState


class DayReason(StrEnum):
    """Why a UTC day of one source is not complete; the values of ``coverage.reason``."""

    NO_COUNT = "no_count"
    COUNTS_DISAGREE = "counts_disagree"
    EXPLAINED_BY_UNDATED = "explained_by_undated"
    EXPLAINED_BY_REPEATS = "explained_by_repeats"
    EDGE_OF_RETENTION = "edge_of_retention"
    NOT_LOOKED_AT = "not_looked_at"
    DAMAGED_RAW = "damaged_raw"
    SOURCE_HAS_MORE = "source_has_more"


@dataclass(frozen=True)
class Explanation:
    """A reason in words.

    Attributes:
        why: What is so, as a clause: "the source ...".
        remedy: What to do, as a sentence.
    """

    why: str
    remedy: str


_NOTHING_TO_DO = "Nothing to do."

_UNVERIFIED = {
    DayReason.NO_COUNT: Explanation(
        "the source gives no usable count",
        "Its answers lack the field count, or count only the rows of the page, so completeness cannot be "
        "verified; 'cbr-warehouse doctor' shows what the source answers.",
    ),
    DayReason.COUNTS_DISAGREE: Explanation(
        "the source's counts do not match what is stored, though it has no more of these days",
        "Load again with --deep; if it stays so, compare counted and held in the table coverage: tasks may "
        "have expired at the source since they were read.",
    ),
    DayReason.EXPLAINED_BY_UNDATED: Explanation(
        "the source counts more than is stored, by no more than the quarantined records without a usable "
        "created_at",
        "See 'cbr-warehouse quarantine list', and 'cbr-warehouse quarantine requeue' once they can be dated.",
    ),
    DayReason.EXPLAINED_BY_REPEATS: Explanation(
        "the source counts more than is stored, by no more than the rows that its pages repeat",
        "Nothing is known to be missing; the source lists some tasks twice. Load again later.",
    ),
    DayReason.EDGE_OF_RETENTION: Explanation(
        "the source shows nothing older, so the first of their tasks may have left its retention before the "
        "load",
        _NOTHING_TO_DO,
    ),
    DayReason.NOT_LOOKED_AT: Explanation(
        "no load has checked them since they ended",
        "Run 'cbr-warehouse load'; for days outside its reach, name them with --since and --until.",
    ),
    DayReason.DAMAGED_RAW: Explanation(
        "raw files of these days were damaged or are gone, and the counts do not show that the source sent "
        "all of them again",
        "Restore the files from a backup and load again.",
    ),
}

_MORE = Explanation(
    "the source has more than is stored",
    "Load again; if it stays so, the table coverage has the numbers.",
)

_LOST = Explanation(
    "left the source's retention before they were found complete",
    "They can no longer be verified; load at least daily.",
)


def explain(state: str, reason: str | None) -> Explanation | None:
    """What a state and its reason mean, and what to do.

    Args:
        state: A state of a day.
        reason: Its reason; None where it has none.

    Returns:
        None for a complete day and for today: there is nothing to explain.
    """
    if state == DayState.LOST:
        return _LOST
    if state == DayState.INCOMPLETE:
        return _MORE
    return _UNVERIFIED[DayReason(reason)] if state == DayState.UNVERIFIED and reason else None


def default_reason(state: str, counted: int | None, checked_at: datetime | None) -> DayReason | None:
    """The reason of a verdict that was stored without one, as far as its other fields determine it.

    Args:
        state: State of the day.
        counted: The source's count; None where it gave none.
        checked_at: When the source was last asked of the day; None if never.
    """
    if state in {DayState.COMPLETE, DayState.OPEN}:
        return None
    if state == DayState.INCOMPLETE:
        return DayReason.SOURCE_HAS_MORE
    if checked_at is None:
        return DayReason.NOT_LOOKED_AT
    return DayReason.NO_COUNT if counted is None else DayReason.COUNTS_DISAGREE
