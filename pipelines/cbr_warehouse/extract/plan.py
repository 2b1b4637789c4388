"""The planner: decides which queries a load makes and why, from the state of a source. Pure.

Windows only save requests; completeness is shown by the counts of ``verify``. So nothing here relies
on which column the API's time filters apply to, or on whether their bounds are inclusive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from cbr_warehouse.contract.api_facts import NEVER_STARTED_STATUSES, OPEN_STATUSES, RETENTION
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, day_of, days_between, start_of
from cbr_warehouse.errors import UsageError
from cbr_warehouse.extract.day_windows import PAD, day_window, share_windows
from cbr_warehouse.extract.retry_schedule import is_due
from cbr_warehouse.extract.settle_schedule import TimeSpan, due_spans, may_thin_out
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery

DEEP_EVERY = timedelta(hours=24)
"""Interval between deep loads, which read the whole horizon again: counts cannot reveal an edit."""

NEVER = datetime.min.replace(tzinfo=UTC)
"""Earlier than any time of a sweep."""


class Purpose(StrEnum):
    """What a load is for."""

    INCREMENTAL = "incremental"
    DEEP = "deep"
    RANGE = "range"


@dataclass(frozen=True)
class Horizon:
    """The settings of a source that limit what its loads read.

    Attributes:
        history: How far back the first load reads.
        settle: How long after its end a task may still change.
    """

    history: timedelta
    settle: timedelta


@dataclass(frozen=True)
class SourceState:
    """What earlier loads found out about a source, as far as the planner needs it.

    Attributes:
        states: State of each UTC day that any load has verified.
        first_load_at: Start of the first load, UTC; None before it.
        requested_from: First UTC day that any load requested, range loads excepted; None before one.
        last_load_at: Start of the last finished load, range loads excepted, UTC; None before one.
        last_deep_at: Start of the last finished deep load, UTC; None before one.
        landed: Windows that loads interrupted since the last finished one read to their end, with the
            time of each.
        audits: The latest verdict on each of these days, with its counts.
        edited_at: When a load last saw that a task had changed after its end, UTC; None if none did.
    """

    states: Mapping[date, DayState]
    first_load_at: datetime | None = None
    requested_from: date | None = None
    last_load_at: datetime | None = None
    last_deep_at: datetime | None = None
    landed: Mapping[tuple[datetime | None, datetime | None], datetime] = field(default_factory=dict)
    audits: Mapping[date, AuditEntry] = field(default_factory=dict)
    edited_at: datetime | None = None


@dataclass(frozen=True)
class Range:
    """A range of created_at that a user requested.

    Attributes:
        since: Start, UTC, inclusive.
        until: End, UTC, exclusive; None for the present.
    """

    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Sweep:
    """One complete paginated read of a query.

    Attributes:
        query: The filters.
        reason: Why it is read, for ``cbr-warehouse plan`` and the ledger.
        may_be_refused: Whether the source may reject it (HTTP 400) because it does not know the value of
            a filter; the load then continues without it.
    """

    query: TaskQuery
    reason: str
    may_be_refused: bool = False


@dataclass(frozen=True)
class Plan:
    """What a load requests and verifies.

    Attributes:
        purpose: Incremental, deep or range.
        since: Start of the time it covers, UTC.
        until: End of the time it covers, UTC; None for the present.
        sweeps: The queries, in order.
        audited: UTC days whose counts are compared with the source afterwards.
        follow_open: Whether stored tasks that may still change are requested by id if no sweep has them.
        settled_before: Tasks that ended before this time were final when they were last read, UTC.
        due: Spans of time: stored tasks that ended in them are read again, because they may have changed.
        read: Audited days whose tasks are all read, today's up to the present.
        doubted: Audited days, judged before and not proved, that are asked for in other ways again if
            their counts still do not agree.
        starts_at: The present when it was made, UTC.
        thinned_from: Where the live edge begins if it leaves out tasks within ``settle``; None if it
            has them all.
    """

    purpose: Purpose
    since: datetime
    until: datetime | None
    sweeps: tuple[Sweep, ...]
    audited: tuple[date, ...]
    follow_open: bool
    settled_before: datetime
    read: tuple[date, ...]
    starts_at: datetime
    doubted: tuple[date, ...] = ()
    due: tuple[TimeSpan, ...] = ()
    thinned_from: datetime | None = None


def plan_load(
    now: datetime, horizon: Horizon, state: SourceState, *, requested: Range | None = None, deep: bool = False
) -> Plan:
    """Plans one load.

    Args:
        now: The present, UTC.
        horizon: Settings of the source.
        state: What earlier loads found out.
        requested: Only this range, instead of what ``state`` makes necessary.
        deep: Whether to read the whole horizon again, windows that an interrupted load landed included.
    """
    if requested is not None:
        return _plan_range(now, requested)
    first = first_day(now, horizon, state)
    overdue = state.last_deep_at is None or now - state.last_deep_at >= DEEP_EVERY
    purpose = Purpose.DEEP if deep or overdue else Purpose.INCREMENTAL
    # A task may change until ``settle`` after its end. The last load read those that were still unsettled
    # then, so they may have changed since: count back from that load, not from the present. Counting back
    # from the present would miss a change made shortly after a load if the next one comes late.
    last = min(now, state.last_load_at or now)
    settled_before = last - horizon.settle
    is_thinned = (
        purpose is Purpose.INCREMENTAL
        and state.last_load_at is not None
        and state.last_load_at <= now
        and may_thin_out(now, state.audits, state.edited_at)
    )
    # One window without an end covers everything later: new tasks, and tasks that may have changed. Those
    # that it leaves out where tasks are read again by their age are followed by ``due``.
    live_from = max((last if is_thinned else settled_before) - PAD, start_of(first))
    audited = tuple(days_between(first, day_of(now)))

    def is_open(day: date) -> bool:
        # What it had at the last load was read then; what came since, its counts and the live edge show.
        return is_thinned and state.states.get(day) is DayState.OPEN

    # Earlier days are read one by one, so that an interrupted load keeps the days it finished. A complete
    # day lacks nothing but can have been edited, which only a deep load looks for.
    swept = [
        day
        for day in audited
        if start_of(day) < live_from
        and (purpose is Purpose.DEEP or _is_read_again(day, now, state))
        and not is_open(day)
    ]
    sweeps = _day_sweeps(swept, state)
    if not deep:
        # Skip what an interrupted load landed, but not for longer than edits may go unnoticed.
        sweeps = [sweep for sweep in sweeps if now - state.landed.get(_window(sweep), NEVER) >= DEEP_EVERY]
    edge = "live edge" if is_thinned else "live edge, and tasks that may still change"
    sweeps.append(Sweep(TaskQuery(start_time=live_from), edge))
    sweeps += _status_sweeps()
    # Windows skipped just above count as read: their records are in raw, and the tables have them.
    read = tuple(day for day in audited if day in swept or start_of(day) >= live_from or is_open(day))
    return Plan(
        purpose,
        start_of(first),
        None,
        tuple(sweeps),
        audited,
        follow_open=True,
        settled_before=settled_before,
        read=read,
        starts_at=now,
        due=due_spans(last, now, horizon.settle) if is_thinned else ((settled_before, None),),
        thinned_from=live_from if is_thinned else None,
        doubted=tuple(
            day
            for day in audited
            if day in state.audits and (purpose is Purpose.DEEP or _is_read_again(day, now, state))
        ),
    )


def _is_read_again(day: date, now: datetime, state: SourceState) -> bool:
    """Whether a load that is not deep reads a day that loads have read before."""
    audit = state.audits.get(day)
    return state.states.get(day) is not DayState.COMPLETE and (audit is None or is_due(audit, now))


def first_day(now: datetime, horizon: Horizon, state: SourceState) -> date:
    """The first day of the horizon; after the first load, it no longer depends on ``history`` alone.

    It is the first day ever requested, or the first within ``history`` or retention if that is later.
    """
    if state.requested_from is None:
        return day_of(now - horizon.history)
    reach = day_of(now - max(horizon.history, RETENTION))
    return max(reach, state.requested_from)


def _plan_range(now: datetime, requested: Range) -> Plan:
    if requested.since >= now:
        raise UsageError(
            f"The range begins at {requested.since:%Y-%m-%dT%H:%M:%SZ}, after the present of the source, "
            f"{now:%Y-%m-%dT%H:%M:%SZ}: there is nothing to load. Check --since and this machine's clock."
        )
    until = requested.until if requested.until is not None and requested.until < now else None
    last = day_of(now if until is None else until - timedelta(microseconds=1))
    days = tuple(days_between(day_of(requested.since), last))
    sweeps = [
        Sweep(
            TaskQuery(
                start_time=max(start_of(day), requested.since) - PAD,
                end_time=None
                if until is None and day == last
                else min(start_of(day) + DAY, until or now) + PAD,
            ),
            "requested range",
        )
        for day in days
    ]
    if until is None:
        sweeps += _status_sweeps()
    # Counts are per UTC day, so a day of which only a part is read cannot be verified.
    whole = tuple(
        day
        for day in days
        if start_of(day) >= requested.since and (until is None or start_of(day) + DAY <= until)
    )
    return Plan(
        Purpose.RANGE,
        requested.since,
        until,
        tuple(sweeps),
        whole,
        follow_open=False,
        settled_before=now,
        read=whole,
        starts_at=now,
        doubted=whole,
    )


def _day_sweeps(days: Sequence[date], state: SourceState) -> list[Sweep]:
    """Sweeps of whole days; days loaded before share a window where they have few tasks."""

    def rows_of(day: date) -> int | None:
        audit = state.audits.get(day)
        return audit.held if audit else None

    sweeps = []
    for first, last in share_windows(days, rows_of):
        reasons = {_why(day, state) for day in days if first <= day <= last}
        sweeps.append(Sweep(day_window(first, last), "; ".join(sorted(reasons))))
    return sweeps


def _why(day: date, state: SourceState) -> str:
    known = state.states.get(day)
    if known is None:
        return "never loaded"
    # Of the days loaded before, only a deep load reads those that are complete.
    if known is DayState.COMPLETE:
        return "deep: read again for edits"
    return f"{known.value}: not proved complete"


def _status_sweeps() -> list[Sweep]:
    """Sweeps by status, for tasks without a start or an end: windows may filter by the missing time."""
    unfinished = [Sweep(TaskQuery(status=status), f"open tasks: {status}") for status in OPEN_STATUSES]
    skipped = [
        Sweep(TaskQuery(status=status), f"tasks without a start: {status}")
        for status in NEVER_STARTED_STATUSES
    ]
    return unfinished + skipped


def _window(sweep: Sweep) -> tuple[datetime | None, datetime | None]:
    return sweep.query.start_time, sweep.query.end_time
