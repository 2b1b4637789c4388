"""Which days count as lost: out of retention, once within reach, never complete."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.extract.plan import Horizon, Range, SourceState
from cbr_warehouse.verify.lost_days import find_lost_days
from support.living_source import Dialect, living
from support.load_bench import Bench

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


def test_a_range_over_a_lost_day_leaves_it_lost_and_reports_it_once(tmp_path: Path) -> None:
    """Seen: the range made it unverified, and the next load found it newly lost again."""
    source = living(NOW, 3, Dialect(count="page"))
    bench = Bench(tmp_path, source)
    bench.load()
    source.now += timedelta(days=25)
    assert bench.load().sources[0].newly_lost
    lost = [day for (day,) in bench.ask("SELECT day FROM coverage WHERE state = 'lost' ORDER BY day")]
    since = datetime(lost[0].year, lost[0].month, lost[0].day, tzinfo=UTC)
    assert bench.load(range=Range(since, since + DAY)).sources[0].newly_lost == ()
    assert bench.load().sources[0].newly_lost == ()
    assert bench.ask("SELECT day FROM coverage WHERE state = 'lost' ORDER BY day") == [(day,) for day in lost]


def test_a_day_that_this_load_found_complete_is_not_lost(tmp_path: Path) -> None:
    """Seen: a source that keeps more than 30 days, asked for old days by a range, had them marked as lost."""
    source = living(NOW, 3, Dialect(retention=timedelta(days=400)))
    bench = Bench(tmp_path, source)
    bench.load()
    source.now += timedelta(days=40)
    since = datetime(2026, 11, 22, tzinfo=UTC)
    result = bench.load(range=Range(since, since + 2 * DAY)).sources[0]
    assert not set(result.newly_lost) & {since.date(), (since + DAY).date()}
    states = dict(
        bench.ask("SELECT day, state FROM coverage WHERE day BETWEEN '2026-11-22' AND '2026-11-23'")
    )
    assert set(states.values()) == {"complete"}
