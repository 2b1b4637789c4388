"""The plan of a load: which queries it makes, and why, from the state of the source alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose, Range, SourceState, plan_load

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)
TODAY = NOW.date()
HORIZON = Horizon(history=timedelta(days=30), settle=timedelta(hours=48))
FIRST = TODAY - timedelta(days=30)
DAY = timedelta(days=1)


def loaded_state(state: DayState = DayState.COMPLETE, **changes: object) -> SourceState:
    """A source loaded whole an hour ago."""
    states = {FIRST + n * DAY: state for n in range(31)}
    kept = {"first_load_at": NOW - DAY, "requested_from": FIRST, "last_deep_at": NOW - timedelta(hours=1)}
    return SourceState(states, **kept | changes)  # type: ignore[arg-type]


def windows(plan: Plan) -> list[tuple[datetime, datetime]]:
    """The windows with both ends."""
    return [
        (sweep.query.start_time, sweep.query.end_time)
        for sweep in plan.sweeps
        if sweep.query.start_time is not None and sweep.query.end_time is not None
    ]


def test_a_first_load_reads_every_day_and_leaves_the_live_edge_open() -> None:
    plan = plan_load(NOW, HORIZON, SourceState({}))
    assert plan.purpose is Purpose.DEEP
    assert plan.audited == tuple(FIRST + n * DAY for n in range(31))
    assert plan.read == plan.audited
    edges = [sweep for sweep in plan.sweeps if sweep.query.start_time and sweep.query.end_time is None]
    assert len(edges) == 1


def test_an_incremental_load_asks_for_the_live_edge_and_open_tasks_alone() -> None:
    plan = plan_load(NOW, HORIZON, loaded_state())
    assert plan.purpose is Purpose.INCREMENTAL
    assert windows(plan) == []
    (edge,) = (sweep for sweep in plan.sweeps if sweep.query.start_time)
    assert edge.query.start_time == NOW - HORIZON.settle - PAD
    assert {sweep.query.status for sweep in plan.sweeps} == {None, "running", "waiting", "skipped"}
    assert plan.follow_open


@pytest.mark.parametrize("state", [DayState.INCOMPLETE, DayState.UNVERIFIED, DayState.OPEN])
def test_a_day_that_is_not_proved_is_asked_for_again(state: DayState) -> None:
    doubted = TODAY - 9 * DAY
    states = {**loaded_state().states, doubted: state}
    plan = plan_load(NOW, HORIZON, SourceState(states, NOW, FIRST, last_deep_at=NOW))
    begin = datetime(doubted.year, doubted.month, doubted.day, tzinfo=UTC)
    assert windows(plan) == [(begin - PAD, begin + DAY + PAD)]


def test_the_whole_horizon_is_read_again_once_a_day() -> None:
    assert plan_load(NOW, HORIZON, loaded_state(last_deep_at=NOW - DAY)).purpose is Purpose.DEEP
    assert (
        plan_load(NOW, HORIZON, loaded_state(last_deep_at=NOW - timedelta(hours=23))).purpose
        is Purpose.INCREMENTAL
    )
    assert plan_load(NOW, HORIZON, loaded_state(), deep=True).purpose is Purpose.DEEP


def test_what_an_interrupted_load_landed_is_not_asked_for_again() -> None:
    whole = plan_load(NOW, HORIZON, SourceState({}))
    landed = dict.fromkeys(windows(whole)[:10], NOW - timedelta(hours=1))
    rest = plan_load(NOW, HORIZON, SourceState({}, landed=landed))
    assert windows(rest) == windows(whole)[10:]
    assert rest.audited == whole.audited


def test_what_landed_too_long_ago_or_is_to_be_read_again_is_asked_for_all_the_same() -> None:
    """A load interrupted a week ago kept the days it landed from being read again for edits."""
    whole = plan_load(NOW, HORIZON, SourceState({}))
    fresh, old = (dict.fromkeys(windows(whole)[:10], NOW - ago) for ago in (timedelta(hours=1), DAY))
    assert windows(plan_load(NOW, HORIZON, SourceState({}, landed=old))) == windows(whole)
    assert windows(plan_load(NOW, HORIZON, SourceState({}, landed=fresh), deep=True)) == windows(whole)


def test_what_was_unsettled_at_the_last_load_is_read_again() -> None:
    """A task that changed 47 hours after its end, between two loads seven hours apart, stayed as it was."""
    before = NOW - timedelta(hours=7)
    plan = plan_load(NOW, HORIZON, loaded_state(last_load_at=before))
    (edge,) = (sweep for sweep in plan.sweeps if sweep.query.start_time)
    assert edge.query.start_time == before - HORIZON.settle - PAD
    assert plan.settled_before == before - HORIZON.settle


def test_a_requested_range_verifies_only_whole_days_and_follows_nothing() -> None:
    since, until = NOW - 5 * DAY, NOW - 2 * DAY
    plan = plan_load(NOW, HORIZON, loaded_state(), requested=Range(since, until))
    assert (plan.purpose, plan.follow_open, plan.since, plan.until) == (Purpose.RANGE, False, since, until)
    assert plan.audited == (TODAY - 4 * DAY, TODAY - 3 * DAY)
    assert windows(plan)[0][0] == since - PAD
    assert windows(plan)[-1][1] == until + PAD


@given(
    now=st.integers(0, 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    settle=st.integers(0, 200),
    doubted=st.sets(st.integers(0, 40)),
)
def test_no_moment_of_the_horizon_is_left_out_of_a_deep_plan(
    now: datetime, settle: int, doubted: set[int]
) -> None:
    states = {now.date() - n * DAY: DayState.UNVERIFIED for n in doubted}
    horizon = Horizon(timedelta(days=30), timedelta(hours=settle))
    plan = plan_load(now, horizon, SourceState(states), deep=True)
    reached = plan.since
    for start, end in sorted(windows(plan)):
        assert start <= reached
        reached = max(reached, end)
    (edge,) = (one for one in plan.sweeps if one.query.start_time and one.query.end_time is None)
    assert edge.query.start_time is not None
    assert edge.query.start_time <= reached


def test_never_loaded_days_have_their_reason() -> None:
    reasons = {sweep.reason for sweep in plan_load(NOW, HORIZON, SourceState({})).sweeps}
    assert "never loaded" in reasons
