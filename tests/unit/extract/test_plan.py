"""The plan of a load: which queries it makes, and why, from the state of the source alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.errors import UsageError
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose, Range, SourceState, plan_load
from cbr_warehouse.extract.settle_schedule import due_spans
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)
TODAY = NOW.date()
HORIZON = Horizon(history=timedelta(days=30), settle=timedelta(hours=48))
FIRST = TODAY - timedelta(days=30)
DAY = timedelta(days=1)


def loaded_state(**changes: Any) -> SourceState:
    """A source loaded whole an hour ago."""
    states = {FIRST + n * DAY: DayState.COMPLETE for n in range(31)}
    state = SourceState(states, NOW - DAY, FIRST, last_deep_at=NOW - timedelta(hours=1))
    return replace(state, **changes)


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


def begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def padded(first: date, last: date | None = None) -> tuple[datetime, datetime]:
    return begin(first) - PAD, begin(last or first) + DAY + PAD


def test_the_first_load_reads_as_far_back_as_history_says() -> None:
    plan = plan_load(NOW, HORIZON, SourceState({}))
    live_from = NOW - HORIZON.settle - PAD
    assert windows(plan) == [padded(FIRST + n * DAY) for n in range(29)]
    (edge,) = (sweep for sweep in plan.sweeps if sweep.query.start_time and not sweep.query.end_time)
    assert (edge.query.start_time, edge.reason) == (live_from, "live edge, and tasks that may still change")
    assert (plan.since, plan.until, plan.starts_at) == (begin(FIRST), None, NOW)
    assert (plan.due, plan.thinned_from, plan.doubted) == (((NOW - HORIZON.settle, None),), None, ())
    # Where the history is shorter than tasks may change, nothing before it is read.
    short = plan_load(NOW, Horizon(DAY, 3 * DAY), SourceState({}))
    assert [sweep.query.start_time for sweep in short.sweeps] == [begin(TODAY - DAY), None, None, None]
    assert not windows(short)


def test_later_loads_reach_back_to_what_was_requested_or_is_served() -> None:
    def since(requested_from: date, history: timedelta) -> datetime:
        return plan_load(NOW, Horizon(history, DAY), SourceState({}, requested_from=requested_from)).since

    assert since(TODAY - 20 * DAY, 5 * DAY) == begin(TODAY - 20 * DAY)
    assert since(TODAY - 40 * DAY, 5 * DAY) == begin(TODAY - 30 * DAY)
    assert since(TODAY - 50 * DAY, 45 * DAY) == begin(TODAY - 45 * DAY)


def test_open_tasks_and_those_without_a_start_are_asked_for_by_status() -> None:
    by_status = {sweep.reason: sweep.query for sweep in plan_load(NOW, HORIZON, SourceState({})).sweeps[-3:]}
    assert by_status == {
        "open tasks: running": TaskQuery(status="running"),
        "open tasks: waiting": TaskQuery(status="waiting"),
        "tasks without a start: skipped": TaskQuery(status="skipped"),
    }


def test_days_have_the_reason_why_they_are_read() -> None:
    doubted, unknown = TODAY - 9 * DAY, TODAY - 12 * DAY
    states = {**loaded_state().states, doubted: DayState.UNVERIFIED}
    del states[unknown]
    state = SourceState(states, NOW, FIRST, last_deep_at=NOW)

    def reasons(plan: Plan) -> dict[datetime | None, str]:
        return {sweep.query.start_time: sweep.reason for sweep in plan.sweeps if sweep.query.end_time}

    assert reasons(plan_load(NOW, HORIZON, state)) == {
        begin(unknown) - PAD: "never loaded",
        begin(doubted) - PAD: "unverified: not proved complete",
    }
    deep = reasons(plan_load(NOW, HORIZON, state, deep=True))
    assert deep[begin(FIRST) - PAD] == "deep: read again for edits"
    assert len(deep) == 29


def audit(day: date, *, held: int | None = 10, **values: Any) -> AuditEntry:
    return AuditEntry(day, 10, 0, "complete", NOW, held=held, **values)


def test_days_with_few_tasks_share_a_window() -> None:
    days = [FIRST + n * DAY for n in range(29)]
    audits = {day: audit(day) for day in days} | {days[3]: audit(days[3], held=500)}
    del audits[days[5]]
    states = {**loaded_state().states, days[1]: DayState.UNVERIFIED}
    plan = plan_load(NOW, HORIZON, SourceState(states, NOW, FIRST, audits=audits), deep=True)
    alone = [padded(days[3]), padded(days[4]), padded(days[5])]
    shared = windows(plan)
    assert shared[0] == padded(days[0], days[2])
    assert shared[1:4] == alone
    assert len(shared) == 6
    assert shared[-1][1] == padded(days[-1])[1]
    mixed = next(sweep for sweep in plan.sweeps if sweep.query.start_time == shared[0][0])
    assert mixed.reason == "deep: read again for edits; unverified: not proved complete"


def test_a_day_that_is_steadily_not_proved_is_read_again_when_it_is_due() -> None:
    doubted = TODAY - 9 * DAY

    def plan(asked_ago: timedelta, *, deep: bool = False) -> Plan:
        entry = AuditEntry(
            doubted, 12, 0, "unverified", NOW, "counts_disagree", 11, asked_at=NOW - asked_ago, asks=1
        )
        states = {**loaded_state().states, doubted: DayState.UNVERIFIED}
        audits = {TODAY - DAY: audit(TODAY - DAY), doubted: entry}
        return plan_load(NOW, HORIZON, loaded_state(states=states, audits=audits), deep=deep)

    fresh, due = plan(timedelta(minutes=9)), plan(timedelta(hours=1))
    assert (windows(fresh), fresh.doubted) == ([], ())
    assert doubted not in fresh.read
    assert (windows(due), due.doubted) == ([padded(doubted)], (doubted,))
    assert doubted in due.read
    deep = plan(timedelta(minutes=9), deep=True)
    assert deep.doubted == (doubted, TODAY - DAY)
    assert deep.read == deep.audited


def test_what_is_read_of_an_incremental_load_is_what_its_live_edge_has_whole() -> None:
    plan = plan_load(NOW, HORIZON, loaded_state())
    # The edge begins at 12:37 of the day before yesterday, of which it has a part only.
    assert plan.read == (TODAY - DAY, TODAY)
    midnight = begin(TODAY) + PAD
    exact = plan_load(midnight, HORIZON, loaded_state(last_deep_at=midnight))
    assert exact.read == (TODAY - 2 * DAY, TODAY - DAY, TODAY)


def thinned(*, now: datetime = NOW, **changes: Any) -> Plan:
    """A plan of a source of which yesterday is proved, loaded whole three hours ago."""
    states = {**loaded_state().states, TODAY: DayState.OPEN}
    audits = {TODAY - DAY: audit(TODAY - DAY)}
    state = {"states": states, "audits": audits, "last_load_at": NOW - timedelta(hours=3)} | changes
    return plan_load(now, HORIZON, loaded_state(**state))


def test_where_yesterday_is_proved_ended_tasks_are_read_again_by_their_age() -> None:
    plan = thinned()
    last = NOW - timedelta(hours=3)
    (edge,) = (sweep for sweep in plan.sweeps if sweep.query.start_time)
    assert (edge.query, edge.reason) == (TaskQuery(start_time=last - PAD), "live edge")
    assert plan.thinned_from == last - PAD
    assert plan.settled_before == last - HORIZON.settle
    assert plan.due == due_spans(last, NOW, HORIZON.settle)
    # Today was read by the load before, up to where the edge begins.
    assert plan.read == (TODAY,)
    whole = thinned(edited_at=NOW - DAY), thinned(last_load_at=None), thinned(last_deep_at=None)
    assert [one.thinned_from for one in whole] == [None] * 3


def test_a_load_dated_after_the_present_thins_nothing_out() -> None:
    """This machine's clock was ahead when that load began: what it read is not known."""
    plan = thinned(last_load_at=NOW + timedelta(hours=1))
    assert plan.thinned_from is None
    assert plan.settled_before == NOW - HORIZON.settle
    assert thinned(last_load_at=NOW).thinned_from == NOW - PAD


def test_days_left_open_by_the_load_before_are_not_swept_again() -> None:
    """Early in a day, yesterday was open when the last load looked; the counts show what came since."""
    states = {**loaded_state().states, TODAY - DAY: DayState.OPEN, TODAY: DayState.OPEN}
    early = begin(TODAY) + timedelta(hours=5)
    audits = {TODAY - 2 * DAY: audit(TODAY - 2 * DAY)}
    last = early - timedelta(hours=1)
    plan = thinned(now=early, states=states, audits=audits, last_load_at=last, last_deep_at=last)
    assert windows(plan) == []
    assert plan.read == (TODAY - DAY, TODAY)
    # Where the edge has everything, it reads the days anyway.
    whole = thinned(
        now=early, states=states, audits=audits, last_load_at=last, last_deep_at=last, edited_at=last
    )
    assert windows(whole) == []
    assert whole.read == (TODAY - DAY, TODAY)


def ranged(since: datetime, until: datetime | None = None) -> Plan:
    return plan_load(NOW, HORIZON, loaded_state(), requested=Range(since, until))


def test_a_range_of_whole_days_is_read_day_by_day_and_no_further() -> None:
    first, last = TODAY - 5 * DAY, TODAY - 3 * DAY
    plan = ranged(begin(first), begin(last) + DAY)
    days = (first, first + DAY, last)
    assert plan.audited == plan.read == plan.doubted == days
    assert [sweep.query for sweep in plan.sweeps] == [
        TaskQuery(start_time=start, end_time=end) for start, end in map(padded, days)
    ]
    assert {sweep.reason for sweep in plan.sweeps} == {"requested range"}
    assert (plan.settled_before, plan.starts_at, plan.due, plan.thinned_from) == (NOW, NOW, (), None)


def test_a_range_reads_parts_of_days_and_verifies_none_of_them() -> None:
    since, until = NOW - DAY, NOW - timedelta(hours=1)
    plan = ranged(since, until)
    assert windows(plan) == [(since - PAD, begin(TODAY) + PAD), (begin(TODAY) - PAD, until + PAD)]
    assert plan.audited == ()
    late = ranged(begin(TODAY - DAY) + timedelta(microseconds=1), begin(TODAY) + timedelta(microseconds=1))
    assert late.audited == ()
    assert len(late.sweeps) == 2


@pytest.mark.parametrize("until", [None, NOW, NOW + DAY])
def test_a_range_until_the_present_has_no_end(until: datetime | None) -> None:
    plan = ranged(begin(TODAY - DAY), until)
    assert plan.until is None
    assert [(sweep.query.start_time, sweep.query.end_time) for sweep in plan.sweeps[:2]] == [
        padded(TODAY - DAY),
        (begin(TODAY) - PAD, None),
    ]
    assert [sweep.query.status for sweep in plan.sweeps[2:]] == ["running", "waiting", "skipped"]
    assert plan.audited == (TODAY - DAY, TODAY)


def test_a_range_cannot_begin_at_or_after_the_present() -> None:
    for since in (NOW, NOW + DAY):
        with pytest.raises(UsageError, match="there is nothing to load"):
            ranged(since)
    assert ranged(NOW - timedelta(microseconds=1)).audited == ()
