"""The planner: from what is held of a source to what a load asks for, and why. Pure.

Windows are for speed, the audit is for truth: nothing here relies on which column the time
filters of the API apply to, or on their bounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from cbr_warehouse.contract.api_facts import NEVER_STARTED_STATUSES, OPEN_STATUSES, RETENTION
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, day_of, days_between, start_of
from cbr_warehouse.source.query import TaskQuery

PAD = timedelta(hours=1)
"""How far a window reaches past its day on both sides, because the filtered column is unknown."""

DEEP_EVERY = timedelta(hours=24)
"""How often the whole horizon is read again: a count cannot see an edit."""

NEVER = datetime.min.replace(tzinfo=UTC)
"""Before all instants."""


class Purpose(StrEnum):
    """What a load is for."""

    INCREMENTAL = "incremental"
    DEEP = "deep"
    RANGE = "range"


@dataclass(frozen=True)
class Horizon:
    """The settings of a source that bound what is asked for.

    Attributes:
        history: How far back the first load goes.
        settle: How long after its end a task may still change.
    """

    history: timedelta
    settle: timedelta


@dataclass(frozen=True)
class SourceState:
    """What is held of a source, as far as a plan needs it.

    Attributes:
        states: State of every day that a load ever looked at.
        first_load_at: When the first load began; None before it.
        asked_from: First day that any load but those of a range asked for; None before such a load.
        last_load_at: When the last finished load but those of a range began; None before it.
        last_deep_at: When the last whole reading of the horizon was finished.
        landed: Windows that an interrupted load brought home whole, with no finished load since, and when.
    """

    states: Mapping[date, DayState]
    first_load_at: datetime | None = None
    asked_from: date | None = None
    last_load_at: datetime | None = None
    last_deep_at: datetime | None = None
    landed: Mapping[tuple[datetime | None, datetime | None], datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    """A range of created_at asked for by hand.

    Attributes:
        since: Its beginning.
        until: Its end, exclusive; None at the live edge.
    """

    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Sweep:
    """One walk through the pages of a query.

    Attributes:
        query: What is asked for.
        reason: Why, for the plan and the ledger.
        may_be_refused: Whether the source may refuse it (400), as it may a value of a filter that it
            does not know: then it brings nothing, and others must do without.
    """

    query: TaskQuery
    reason: str
    may_be_refused: bool = False


@dataclass(frozen=True)
class Plan:
    """What a load asks for.

    Attributes:
        purpose: What it is for.
        since: Beginning of what it looks at.
        until: End of what it looks at; None at the live edge.
        sweeps: The walks, in order.
        audited: Days whose counts are compared afterwards.
        follow_open: Whether held open and settling tasks are asked for by id.
        settled_before: Tasks that ended before could not change any more when they were last read.
        read: Audited days that are read from beginning to end, or to the present.
    """

    purpose: Purpose
    since: datetime
    until: datetime | None
    sweeps: tuple[Sweep, ...]
    audited: tuple[date, ...]
    follow_open: bool
    settled_before: datetime
    read: tuple[date, ...]


def plan_load(
    now: datetime, horizon: Horizon, holding: SourceState, *, wanted: Range | None = None, deep: bool = False
) -> Plan:
    """Plans one load.

    Args:
        now: The present, UTC.
        horizon: Settings of the source.
        holding: What is held.
        wanted: A range asked for by hand.
        deep: Whether the whole horizon shall be read again, what an interrupted load landed included.

    Returns:
        The plan.
    """
    if wanted is not None:
        return _plan_range(now, wanted)
    first = first_day(now, horizon, holding)
    overdue = holding.last_deep_at is None or now - holding.last_deep_at >= DEEP_EVERY
    purpose = Purpose.DEEP if deep or overdue else Purpose.INCREMENTAL
    # Until the last load a task may have been unsettled, and have changed since.
    settled_before = min(now, holding.last_load_at or now) - horizon.settle
    live_from = max(settled_before - PAD, start_of(first))
    audited = tuple(days_between(first, day_of(now)))
    swept = [
        day
        for day in audited
        if start_of(day) < live_from
        and (purpose is Purpose.DEEP or holding.states.get(day) is not DayState.COMPLETE)
    ]
    sweeps = [_day_sweep(day, holding.states.get(day), purpose) for day in swept]
    if not deep:
        # Of an interrupted load that is long past, tasks may have been edited since.
        sweeps = [one for one in sweeps if now - holding.landed.get(_window(one), NEVER) >= DEEP_EVERY]
    sweeps.append(Sweep(TaskQuery(start_time=live_from), "live edge, and tasks that may still change"))
    sweeps += _timeless_sweeps()
    read = tuple(day for day in audited if day in swept or start_of(day) >= live_from)
    return Plan(
        purpose,
        start_of(first),
        None,
        tuple(sweeps),
        audited,
        follow_open=True,
        settled_before=settled_before,
        read=read,
    )


def first_day(now: datetime, horizon: Horizon, holding: SourceState) -> date:
    """The first day a load looks at: as far back as the source may serve, not before what was asked."""
    if holding.asked_from is None:
        return day_of(now - horizon.history)
    reach = day_of(now - max(horizon.history, RETENTION))
    return max(reach, holding.asked_from)


def _plan_range(now: datetime, wanted: Range) -> Plan:
    until = wanted.until if wanted.until is not None and wanted.until < now else None
    last = day_of(now if until is None else until - timedelta(microseconds=1))
    days = tuple(days_between(day_of(wanted.since), last))
    sweeps = [
        Sweep(
            TaskQuery(
                start_time=max(start_of(day), wanted.since) - PAD,
                end_time=None
                if until is None and day == last
                else min(start_of(day) + DAY, until or now) + PAD,
            ),
            "asked for by hand",
        )
        for day in days
    ]
    if until is None:
        sweeps += _timeless_sweeps()
    whole = tuple(
        day
        for day in days
        if start_of(day) >= wanted.since and (until is None or start_of(day) + DAY <= until)
    )
    return Plan(
        Purpose.RANGE,
        wanted.since,
        until,
        tuple(sweeps),
        whole,
        follow_open=False,
        settled_before=now,
        read=whole,
    )


def day_window(day: date) -> TaskQuery:
    """The window that a UTC day is asked for in, padded on both sides."""
    return TaskQuery(start_time=start_of(day) - PAD, end_time=start_of(day) + DAY + PAD)


def _day_sweep(day: date, state: DayState | None, purpose: Purpose) -> Sweep:
    query = day_window(day)
    if state is None:
        return Sweep(query, "never loaded")
    if state is DayState.COMPLETE and purpose is Purpose.DEEP:
        return Sweep(query, "deep: read again for edits")
    return Sweep(query, f"{state.value}: not proved complete")


def _timeless_sweeps() -> list[Sweep]:
    """What windows may not have, because a time that they may apply to is absent."""
    opened = [Sweep(TaskQuery(status=status), f"open tasks: {status}") for status in OPEN_STATUSES]
    skipped = [
        Sweep(TaskQuery(status=status), f"tasks without a start: {status}")
        for status in NEVER_STARTED_STATUSES
    ]
    return opened + skipped


def _window(sweep: Sweep) -> tuple[datetime | None, datetime | None]:
    return sweep.query.start_time, sweep.query.end_time
