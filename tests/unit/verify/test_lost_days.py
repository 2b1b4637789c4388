"""Which days count as lost: out of retention, once within reach, never complete."""

from datetime import UTC, datetime, timedelta

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.extract.plan import Horizon, SourceState
from cbr_warehouse.verify.lost_days import find_lost_days

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)
HORIZON = Horizon(history=timedelta(days=30), settle=timedelta(hours=48))
DAY = timedelta(days=1)
FIRST = NOW.date() - 30 * DAY


def loaded(state: DayState, days: int) -> SourceState:
    """A source whose first load began now, with so many days in one state."""
    return SourceState({FIRST + n * DAY: state for n in range(days)}, NOW, FIRST, NOW)


def test_days_that_left_the_horizon_before_they_were_complete_are_lost() -> None:
    later = NOW + 30 * DAY
    assert find_lost_days(later, HORIZON, loaded(DayState.COMPLETE, 31)) == ()
    lost = find_lost_days(later, HORIZON, loaded(DayState.UNVERIFIED, 31))
    assert lost[0] == FIRST + DAY  # the source may have dropped the first before any load could count it
    assert lost[-1] == later.date() - 31 * DAY


def test_a_day_once_marked_as_lost_is_not_newly_lost_again() -> None:
    assert find_lost_days(NOW + 20 * DAY, HORIZON, loaded(DayState.LOST, 61)) == ()
