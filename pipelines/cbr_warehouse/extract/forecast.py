"""The forecast of a load: how many records and requests each part of a plan will take. Pure.

Days that were loaded before are forecast from the stored tasks and the source's counts; time that no load
has read, from the daily average of the newest loaded days. Nothing relies on a forecast: ``cbr-warehouse
plan`` shows it, and the ledger keeps it so that the actual numbers can be compared with it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from cbr_warehouse.contract.api_facts import (
    NEVER_STARTED_STATUSES,
    OPEN_STATUSES,
    OPERATION_TYPES,
    PROVIDERS,
    RETENTION,
    STATUSES,
)
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, consecutive_runs, day_of, days_between, start_of
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.extract.retry_schedule import is_steady
from cbr_warehouse.extract.settle_schedule import task_windows
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.stored_tasks import FollowedTask
from cbr_warehouse.tables.task_times import TimeIndex

RATE_DAYS = 7
"""Number of newest closed days whose average is the rate for time that no load has read."""

PROBING_REQUESTS = 4
"""Count requests usually needed to find the column that the API's time filters apply to."""

UNWINDOWED_REQUESTS = 2
"""Counts with and without a time, which show whether there are tasks that no window has."""

CLOCK_REQUESTS = 1
"""The first request of a load, which reads the source's clock."""


class Basis(StrEnum):
    """What an expected number is derived from: stored tasks, the daily rate, or nothing."""

    HELD = "held"
    RATE = "rate"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Expected:
    """Expected size of one part of a plan.

    Attributes:
        records: Number of records received; None if unknown.
        requests: Number of requests; None if unknown.
        basis: What both are derived from.
    """

    records: int | None
    requests: int | None
    basis: Basis


UNKNOWN = Expected(None, None, Basis.UNKNOWN)


@dataclass(frozen=True)
class ForecastInputs:
    """What is known about a source before a load.

    Attributes:
        now: The present, UTC.
        stored: Times of the stored tasks.
        counted: Number of tasks by the source's count, per UTC day that was counted.
        states: State of each UTC day that any load has verified.
        last_load_at: Start of the last finished load, UTC; None before one.
        followed: Stored tasks that are open, or may have changed since they ended.
        page_rows: Rows per page that the source returns.
        projects: Number of enterprise projects, each of which is queried separately.
        hidden: Number of providers that are queried separately in addition.
        audits: The latest verdict on each day that any load has verified.
        retries: Sweeps that ask for days in other ways if these still are not proved.
    """

    now: datetime
    stored: TimeIndex
    counted: Mapping[date, int]
    states: Mapping[date, DayState]
    last_load_at: datetime | None
    followed: Sequence[FollowedTask]
    page_rows: int
    projects: int = 1
    hidden: int = 0
    audits: Mapping[date, AuditEntry] = field(default_factory=dict)
    retries: Sequence[Sweep] = ()

    @property
    def has_counts(self) -> bool:
        """Whether the source's counts were usable for any day."""
        return not self.audits or any(entry.counted is not None for entry in self.audits.values())

    @property
    def scopes(self) -> int:
        """How often each query is repeated."""
        return self.projects * (1 + self.hidden)


@dataclass(frozen=True)
class Forecast:
    """Expected size of a load.

    Attributes:
        sweeps: Size of each of the plan's sweeps, in order.
        by_id: Size of the requests of tasks by id.
        counts: Size of the clock, sample and count requests.
        retries: Size of the sweeps that ask in other ways for days that are not proved.
        inventory: Size of the requests for the inventory, whose objects are no tasks; zero if none is due.
    """

    sweeps: tuple[Expected, ...]
    by_id: Expected
    counts: Expected
    retries: Expected = Expected(0, 0, Basis.HELD)
    inventory: Expected = Expected(0, 0, Basis.HELD)

    @property
    def records(self) -> int | None:
        """Records of all parts; None if any is unknown."""
        return _sum([part.records for part in self._parts])

    @property
    def requests(self) -> int | None:
        """Requests of all parts; None if any is unknown."""
        return _sum([part.requests for part in self._parts])

    @property
    def _parts(self) -> tuple[Expected, ...]:
        return (*self.sweeps, self.by_id, self.counts, self.retries, self.inventory)


def forecast_load(plan: Plan, inputs: ForecastInputs) -> Forecast:
    """Forecasts a load.

    Args:
        plan: The load's plan.
        inputs: What is known about its source.
    """
    return Forecast(
        sweeps=tuple(_expect_sweep(sweep, inputs) for sweep in plan.sweeps),
        by_id=_expect_by_id(plan, inputs),
        counts=_expect_counts(plan, inputs),
        retries=_expect_retries(inputs),
    )


def first_day_needed(
    plan: Plan,
    now: datetime,
    known: Iterable[date],
    followed: Iterable[FollowedTask],
    retries: Iterable[Sweep] = (),
) -> date:
    """The first UTC day whose stored times a forecast asks for: those of years are not read for it.

    Args:
        plan: The load's plan.
        now: The present, UTC.
        known: The days that any load has verified.
        followed: As of :class:`ForecastInputs`.
        retries: Likewise.
    """
    times = [sweep.query.start_time for sweep in (*plan.sweeps, *retries)]
    times += [task.created_at for task in followed if not task.is_open]
    # A day more on either side, for windows that begin before what they are for, and for the last load's day.
    newest = sorted(known)[-RATE_DAYS - 2 :]
    return min(day_of(now - RETENTION), *newest, *plan.audited, *(day_of(at) for at in times if at)) - DAY


def requests_for(records: int, page_rows: int) -> int:
    """Requests to read a query: pages overlap by one row, and the last page shows that there are no more."""
    if records < 2:
        return 1 + records
    return 1 - (-(records - 1) // max(1, page_rows - 1)) if page_rows > 1 else records + 1


def _expect_sweep(sweep: Sweep, inputs: ForecastInputs) -> Expected:
    query = sweep.query
    if inputs.last_load_at is None:
        return UNKNOWN
    if query.status is not None:
        records, basis = _expect_status(query.status, inputs), Basis.HELD
    elif query.start_time is None:
        return UNKNOWN
    else:
        expected = _expect_window(query.start_time, query.end_time or inputs.now, inputs, inputs.last_load_at)
        if expected is None:
            return UNKNOWN
        records, basis = expected
    requests = requests_for(records, inputs.page_rows) + inputs.scopes - 1
    return Expected(records, requests, basis)


def _expect_status(status: str, inputs: ForecastInputs) -> int:
    if status in NEVER_STARTED_STATUSES:
        since = inputs.now - RETENTION
        created, started = (inputs.stored.between(name, since, None) for name in ("created_at", "started_at"))
        return max(0, created - started)
    # Tasks wait only briefly, so most open tasks are running.
    is_running = status == OPEN_STATUSES[0]
    return sum(task.is_open for task in inputs.followed) if is_running else 0


def _expect_window(
    start: datetime, end: datetime, inputs: ForecastInputs, last_load_at: datetime
) -> tuple[int, Basis] | None:
    """Records of a window: stored tasks corrected by counts, and the rate for time that no load has read."""
    records = float(inputs.stored.between("created_at", start, end))
    unseen = timedelta()
    for day, share in _shares(start, end):
        seen_until = min(end, start_of(day) + DAY)
        seen_from = max(start, start_of(day))
        if day not in inputs.states:
            unseen += seen_until - seen_from
            continue
        unseen += max(timedelta(), seen_until - max(seen_from, last_load_at))
        if day in inputs.counted and day != day_of(last_load_at):
            stored = inputs.stored.between("created_at", start_of(day), start_of(day) + DAY)
            records += share * (inputs.counted[day] - stored)
    if not unseen:
        return max(0, round(records)), Basis.HELD
    rate = _records_per_day(inputs, day_of(last_load_at))
    if rate is None:
        return None
    return max(0, round(records + rate * (unseen / DAY))), Basis.RATE


def _shares(start: datetime, end: datetime) -> Iterator[tuple[date, float]]:
    """The UTC days that a window overlaps, with the fraction of each that is inside."""
    for day in days_between(day_of(start), day_of(end)):
        inside = min(end, start_of(day) + DAY) - max(start, start_of(day))
        if inside > timedelta():
            yield day, inside / DAY


def _records_per_day(inputs: ForecastInputs, today: date) -> float | None:
    days = sorted(day for day in inputs.states if day < today)[-RATE_DAYS:]
    if not days:
        return None
    stored = (inputs.stored.between("created_at", start_of(day), start_of(day) + DAY) for day in days)
    return sum(stored) / len(days)


def _expect_by_id(plan: Plan, inputs: ForecastInputs) -> Expected:
    """Tasks that may have changed and are in no sweep: by windows of their own, else by id."""
    if not plan.follow_open or plan.purpose is not Purpose.INCREMENTAL:
        return Expected(0, 0, Basis.HELD)
    edge = plan.thinned_from or plan.settled_before
    ended = [task for task in inputs.followed if not task.is_open and task.created_at < edge]
    windows = task_windows(ended)
    single = [task for task in ended if not any(_is_within(task, window) for window in windows)]
    records = requests = len(single)
    for window in windows:
        rows = inputs.stored.between("created_at", window.start_time or edge, window.end_time)
        records += rows
        requests += requests_for(rows, inputs.page_rows) + inputs.scopes - 1
    return Expected(records, requests, Basis.HELD)


def _is_within(task: FollowedTask, window: TaskQuery) -> bool:
    start, end = window.start_time, window.end_time
    return start is not None and end is not None and start <= task.created_at <= end


def _expect_counts(plan: Plan, inputs: ForecastInputs) -> Expected:
    """Clock, sample and count requests; their records are dropped."""
    samples = 0
    if plan.purpose is not Purpose.INCREMENTAL:
        samples = (len(PROVIDERS) - inputs.hidden) * inputs.projects
    counts = UNWINDOWED_REQUESTS + (_count_requests(plan, inputs) if inputs.has_counts else 1)
    records = requests = 0
    if plan.purpose is not Purpose.INCREMENTAL and not inputs.has_counts:  # all that it has is listed
        records = inputs.stored.between("created_at", inputs.now - RETENTION, None)
        requests = requests_for(records, inputs.page_rows) * inputs.scopes
    requests += CLOCK_REQUESTS + samples + counts * inputs.scopes
    return Expected(records, requests, Basis.HELD)


def _count_requests(plan: Plan, inputs: ForecastInputs) -> int:
    """Counts at the edges of days and of runs of days, and those that find the filtered column."""
    today = day_of(inputs.now)
    closed = [day for day in plan.audited if day < today]
    complete: list[date] = []
    steady: list[date] = []
    if plan.purpose is Purpose.INCREMENTAL:
        complete = [day for day in closed if inputs.states.get(day) is DayState.COMPLETE]
        steady = [
            day
            for day in closed
            if day in inputs.audits and is_steady(inputs.audits[day]) and day not in plan.doubted
        ]
    runs = consecutive_runs(complete) + consecutive_runs(steady)
    alone = set(plan.audited).difference(complete, steady)
    edges = {edge for run in runs for edge in (run[0], run[-1] + DAY)}
    edges |= {edge for day in alone for edge in (day, day + DAY) if edge <= today}
    late_today = 2 if plan.thinned_from is not None else 0
    return 1 + len(edges) + (PROBING_REQUESTS if alone else 0) + late_today


def _expect_retries(inputs: ForecastInputs) -> Expected:
    """Sweeps that ask in other ways; those by a value bring its share of the window's records."""
    records = requests = 0
    for sweep in inputs.retries:
        query = sweep.query
        start, end = query.start_time or inputs.now - RETENTION, query.end_time
        rows = inputs.stored.between("created_at", start, end)
        values = {query.status: STATUSES, query.operation_type: OPERATION_TYPES, query.provider_id: PROVIDERS}
        share = next((len(known) for value, known in values.items() if value is not None), 1)
        records += rows // share
        requests += requests_for(-(-rows // share), inputs.page_rows) + inputs.scopes - 1
    if inputs.retries:  # in the end their days are counted once more
        requests += UNWINDOWED_REQUESTS + PROBING_REQUESTS
    return Expected(records, requests, Basis.HELD)


def _sum(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
