"""The numbers of a forecast, part by part, of a source with a task in the middle of each hour."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from cbr_warehouse.contract.api_facts import PROVIDERS
from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import day_of, start_of
from cbr_warehouse.extract.day_windows import day_window
from cbr_warehouse.extract.forecast import Basis, Expected, ForecastInputs, forecast_load, requests_for
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.sorted_times import SortedTimes
from cbr_warehouse.tables.stored_tasks import FollowedTask
from cbr_warehouse.tables.task_times import TimeIndex

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = day_of(NOW)
LAST_LOAD = NOW - 2 * HOUR
HELD = Basis.HELD


def times(instants: Iterable[datetime]) -> SortedTimes:
    return SortedTimes.of(np.array(sorted(int(at.timestamp()) * 1_000_000 for at in instants), np.int64))


def stored(created: Iterable[datetime], started: Iterable[datetime] = ()) -> TimeIndex:
    columns = {"created_at": times(created), "started_at": times(started)}
    return TimeIndex(columns, times(()), times(()), {})


HOURLY = [LAST_LOAD - HOUR / 2 - n * HOUR for n in range(20 * 24)]
CLOSED = tuple(TODAY - n * DAY for n in range(1, 15))

KNOWN = ForecastInputs(
    now=NOW,
    stored=stored(HOURLY, HOURLY),
    counted={},
    states={TODAY: DayState.OPEN} | dict.fromkeys(CLOSED, DayState.COMPLETE),
    last_load_at=LAST_LOAD,
    followed=(),
    page_rows=10,
)


def plan_of(*sweeps: TaskQuery, purpose: Purpose = Purpose.INCREMENTAL, **changes: Any) -> Plan:
    plan = Plan(
        purpose,
        NOW - 14 * DAY,
        None,
        tuple(Sweep(query, "why") for query in sweeps),
        audited=(),
        follow_open=True,
        settled_before=NOW - 2 * DAY,
        read=(),
        starts_at=NOW,
    )
    return replace(plan, **changes)


def expected(query: TaskQuery, **changes: Any) -> Expected:
    (found,) = forecast_load(plan_of(query), replace(KNOWN, **changes)).sweeps
    return found


def test_a_day_read_before_is_expected_as_it_is_stored() -> None:
    day = day_window(TODAY - 3 * DAY)  # an hour more on both sides: 26 tasks
    assert expected(day) == Expected(26, 4, HELD)
    assert expected(day, page_rows=100) == Expected(26, 2, HELD)
    assert expected(day, projects=2, hidden=1) == Expected(26, 4 + 3, HELD)


def test_what_the_source_counts_and_is_not_stored_is_expected_too() -> None:
    day = TODAY - 3 * DAY
    # Of the next day, one hour of 24 is in the window.
    counted = {day: 24 + 6, day + DAY: 24 + 48, day - DAY: 24, day - 5 * DAY: 1000}
    assert expected(day_window(day), counted=counted).records == 26 + 6 + 2
    half = TaskQuery(start_time=start_of(day), end_time=start_of(day) + DAY / 2)
    assert expected(half, counted=counted).records == 12 + 3
    # The source has fewer: never less than nothing.
    assert expected(day_window(day), counted={day: 14}).records == 16
    assert expected(half, counted={day: -99}) == Expected(0, 1, HELD)


def test_time_since_the_last_load_is_expected_by_the_rate_of_the_newest_closed_days() -> None:
    edge = TaskQuery(start_time=NOW - 3 * HOUR)
    assert expected(edge) == Expected(1 + 2, 2, Basis.RATE)
    assert expected(TaskQuery(start_time=LAST_LOAD)) == Expected(2, 2, Basis.RATE)
    assert expected(TaskQuery(start_time=NOW - HOUR)) == Expected(1, 2, Basis.RATE)
    assert expected(replace(edge, end_time=NOW - HOUR)).records == 1 + 1
    assert expected(replace(edge, end_time=LAST_LOAD)) == Expected(1, 2, HELD)
    assert expected(edge, stored=stored([])) == Expected(0, 1, Basis.RATE)
    # The count of the last load's day is of that time, and says nothing of what came since.
    assert expected(edge, counted={TODAY: 999}).records == 3
    # Ten times as many tasks, on days before the newest seven and today: not this rate.
    busy = [*HOURLY, *HOURLY[8 * 24 :] * 9, *[NOW - 11 * HOUR] * 90]
    assert expected(edge, stored=stored(busy)).records == 3
    busy_week = [*HOURLY, *HOURLY[10 : 10 + 7 * 24] * 9]
    assert expected(edge, stored=stored(busy_week)).records == 1 + 20


def test_days_that_no_load_has_read_are_expected_by_the_rate() -> None:
    day = TODAY - 3 * DAY
    states = {one: state for one, state in KNOWN.states.items() if one != day}
    index = stored(at for at in HOURLY if day_of(at) != day)
    # Of its neighbours, an hour each is in the window, and stored.
    assert expected(day_window(day), states=states, stored=index) == Expected(2 + 24, 4, Basis.RATE)
    evening = TaskQuery(start_time=start_of(day) + 18 * HOUR, end_time=start_of(day) + 20 * HOUR)
    assert expected(evening, states=states, stored=index) == Expected(2, 2, Basis.RATE)


def test_nothing_is_known_before_a_load_or_without_a_closed_day() -> None:
    unknown = Expected(None, None, Basis.UNKNOWN)
    assert expected(day_window(TODAY), last_load_at=None) == unknown
    assert expected(TaskQuery(start_time=NOW - 3 * HOUR), states={TODAY: DayState.OPEN}) == unknown
    assert expected(TaskQuery(operation_type="backup")) == unknown
    forecast = forecast_load(plan_of(TaskQuery(), TaskQuery(status="running")), KNOWN)
    assert (forecast.records, forecast.requests) == (None, None)


def test_open_tasks_are_those_stored_as_open() -> None:
    followed = [FollowedTask(NOW - 9 * DAY, None, is_open=number < 12) for number in range(14)]
    assert expected(TaskQuery(status="running"), followed=followed) == Expected(12, 3, HELD)
    assert expected(TaskQuery(status="running"), followed=followed, projects=3) == Expected(12, 5, HELD)
    assert expected(TaskQuery(status="waiting"), followed=followed) == Expected(0, 1, HELD)


def test_tasks_without_a_start_are_those_stored_within_retention() -> None:
    old = [NOW - 31 * DAY - n * HOUR for n in range(50)]
    index = stored([*HOURLY, *old], [*HOURLY[11:], *old[9:]])
    assert expected(TaskQuery(status="skipped"), stored=index) == Expected(11, 3, HELD)
    assert expected(TaskQuery(status="skipped"), stored=stored([], HOURLY)) == Expected(0, 1, HELD)


def test_the_sum_of_all_parts() -> None:
    plan = plan_of(day_window(TODAY - 3 * DAY), TaskQuery(status="running"))
    followed = [FollowedTask(NOW - 9 * DAY, None, is_open=False), FollowedTask(NOW, None, is_open=True)]
    retries = (Sweep(TaskQuery(start_time=LAST_LOAD - 3 * HOUR, end_time=LAST_LOAD), "again"),)
    forecast = forecast_load(plan, replace(KNOWN, followed=followed, retries=retries))
    assert forecast.sweeps == (Expected(26, 4, HELD), Expected(1, 2, HELD))
    assert forecast.by_id == Expected(1, 1, HELD)
    assert forecast.counts == Expected(0, 1 + 2 + 1, HELD)
    # Two rows overlap between pages of two, and the days are counted once more.
    assert forecast.retries == Expected(3, 2 + 6, HELD)
    assert (forecast.records, forecast.requests) == (26 + 1 + 1 + 0 + 3, 4 + 2 + 1 + 4 + 8)


def test_tasks_that_may_have_changed_are_read_by_windows_or_by_id() -> None:
    edge = NOW - 2 * DAY
    near = [FollowedTask(edge - n * HOUR / 4, None, is_open=False) for n in range(1, 9)]
    alone = [FollowedTask(edge - n * DAY, None, is_open=False) for n in (3, 5)]
    others = [
        FollowedTask(edge - 9 * DAY, None, is_open=True),  # in the sweep of its status
        FollowedTask(edge, None, is_open=False),  # in the live edge
        FollowedTask(edge + HOUR, None, is_open=False),
    ]
    inputs = replace(KNOWN, followed=[*near, *alone, *others])

    def by_id(plan: Plan, **changes: Any) -> Expected:
        return forecast_load(plan, replace(inputs, **changes)).by_id

    # The window over two hours has two stored tasks: two requests; the other two tasks one each.
    assert by_id(plan_of()) == Expected(2 + 2, 2 + 2, HELD)
    assert by_id(plan_of(), projects=2) == Expected(2 + 2, 2 + 3, HELD)
    thinned = plan_of(thinned_from=edge + 2 * HOUR, settled_before=NOW - 20 * DAY)
    assert by_id(thinned) == Expected(2 + 3, 2 + 3, HELD)
    nothing = Expected(0, 0, HELD)
    assert by_id(plan_of(follow_open=False)) == nothing
    assert by_id(plan_of(purpose=Purpose.DEEP)) == nothing


def counts(plan: Plan, **changes: Any) -> Expected:
    return forecast_load(plan, replace(KNOWN, **changes)).counts


def test_an_incremental_load_counts_at_the_edges_of_runs_of_complete_days() -> None:
    # The clock, tasks with and without a time, the present.
    always = 1 + 2 + 1
    assert counts(plan_of()) == Expected(0, always, HELD)
    plan = plan_of(audited=CLOSED[::-1])
    assert counts(plan) == Expected(0, always + 2, HELD)
    gap = KNOWN.states | {CLOSED[4]: DayState.UNVERIFIED}
    # Two runs with the day in between, whose edges are theirs; a day alone needs the filtered column.
    assert counts(plan, states=gap).requests == always + 4 + 4
    # Today is compared with the days before at its start, and has no end yet.
    assert counts(plan_of(audited=(*CLOSED[::-1], TODAY))).requests == always + 2 + 4
    assert counts(plan_of(audited=(TODAY,))).requests == always + 1 + 4
    assert counts(plan_of(audited=(TODAY - DAY, TODAY)), states={}).requests == always + 2 + 4
    # The edge that leaves out tasks by their age is counted twice today.
    assert counts(plan_of(thinned_from=NOW - HOUR)).requests == always + 2
    assert counts(plan_of(), projects=2, hidden=2).requests == 1 + (always - 1) * 6


def test_days_that_are_steadily_not_proved_are_counted_by_runs_too() -> None:
    states = dict.fromkeys(CLOSED[:5], DayState.UNVERIFIED)
    audits = {
        day: AuditEntry(day, 24, 0, "unverified", NOW, DayReason.COUNTS_DISAGREE, held=23)
        for day in CLOSED[:5]
    }
    plan = plan_of(audited=tuple(sorted(CLOSED[:5])))
    assert counts(plan, states=states, audits=audits).requests == 4 + 2
    # A day that is asked for again is judged by itself.
    doubted = replace(plan, doubted=(CLOSED[2],))
    assert counts(doubted, states=states, audits=audits).requests == 4 + 4 + 4
    assert counts(
        plan, states=states, audits=audits | {CLOSED[4]: replace(audits[CLOSED[4]], held=None)}
    ) == (Expected(0, 4 + 3 + 4, HELD))
    deep = replace(plan, purpose=Purpose.DEEP)
    assert counts(deep, states=states, audits=audits).requests == 4 + 6 + 4 + len(PROVIDERS)


def test_a_deep_load_lists_a_sample_of_each_provider() -> None:
    deep = plan_of(purpose=Purpose.DEEP)
    samples = len(PROVIDERS)
    assert counts(deep) == Expected(0, 4 + samples, HELD)
    # Those that lists leave out have a scope of their own.
    assert counts(deep, hidden=2, projects=3).requests == 1 + 3 * 9 + (samples - 2) * 3


def test_a_source_that_counts_nothing_is_read_whole_by_a_deep_load() -> None:
    audits = {TODAY: AuditEntry(TODAY, None, 0, "unverified", NOW)}
    old = stored([*HOURLY, *(NOW - 40 * DAY for _ in range(99))])
    assert counts(plan_of(audited=CLOSED), audits=audits) == Expected(0, 1 + 2 + 1, HELD)
    deep = counts(plan_of(purpose=Purpose.DEEP), audits=audits, stored=old, projects=2)
    records = len(HOURLY)
    samples = 2 * len(PROVIDERS)
    assert deep == Expected(records, 1 + samples + 3 * 2 + requests_for(records, 10) * 2, HELD)
    assert counts(
        plan_of(purpose=Purpose.DEEP), audits=audits | {CLOSED[0]: replace(audits[TODAY], counted=0)}
    ) == (Expected(0, 4 + len(PROVIDERS), HELD))


@pytest.mark.parametrize(
    ("query", "records", "requests"),
    [
        (TaskQuery(), 480, 55),
        (TaskQuery(status="failed"), 80, 10),
        (TaskQuery(operation_type="copy"), 53, 7),
        (TaskQuery(provider_id="p"), 96, 12),
        (TaskQuery(start_time=LAST_LOAD - DAY), 24, 4),
        (TaskQuery(start_time=LAST_LOAD - DAY, end_time=LAST_LOAD - HOUR), 23, 4),
        (TaskQuery(start_time=LAST_LOAD), 0, 1),
    ],
)
def test_asking_in_other_ways_brings_the_share_of_a_value(
    query: TaskQuery, records: int, requests: int
) -> None:
    old = stored([*HOURLY, *(NOW - 40 * DAY for _ in range(99))])
    retries = (Sweep(query, "again"),)
    found = forecast_load(plan_of(), replace(KNOWN, stored=old, retries=retries)).retries
    assert found == Expected(records, requests + 6, HELD)
    again = forecast_load(plan_of(), replace(KNOWN, stored=old, retries=retries * 2, projects=2)).retries
    assert again == Expected(2 * records, 2 * (requests + 1) + 6, HELD)


def test_without_days_to_ask_for_again_there_are_no_requests() -> None:
    assert forecast_load(plan_of(), KNOWN).retries == Expected(0, 0, HELD)


def test_requests_of_a_query_by_its_rows() -> None:
    assert [requests_for(rows, 10) for rows in (0, 1, 2, 10, 11, 19, 20)] == [1, 2, 2, 2, 3, 3, 4]
    assert [requests_for(rows, 1) for rows in (0, 1, 2, 10)] == [1, 2, 3, 11]
    assert [requests_for(rows, 2) for rows in (1, 2, 3)] == [2, 2, 3]
