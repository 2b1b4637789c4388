"""The forecast of a load: how many records and requests each part of a plan will take. Pure.

It is made from what is held and what was counted, and for time that nothing is known of from the rate of
the days that are. Nothing relies on it: it is told beforehand and compared afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from cbr_warehouse.contract.api_facts import NEVER_STARTED_STATUSES, OPEN_STATUSES, PROVIDERS, RETENTION
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, consecutive_runs, day_of, days_between, start_of
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.tables.task_times import TimeIndex

RATE_DAYS = 7
"""Newest closed days whose number of tasks is taken for that of days nothing is known of."""

PROBING_REQUESTS = 4
"""Counts that finding the filtered column usually takes."""


CLOCK_REQUESTS = 1
"""Reads the source's time before anything else."""


class Basis(StrEnum):
    """What an expectation rests on."""

    HELD = "held"
    RATE = "rate"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Expected:
    """What one part of a plan will take.

    Attributes:
        records: Records received; None where that is unknown.
        requests: Requests made; None where that is unknown.
        basis: What that rests on.
    """

    records: int | None
    requests: int | None
    basis: Basis


UNKNOWN = Expected(None, None, Basis.UNKNOWN)


@dataclass(frozen=True)
class Known:
    """What is known of a source before a load.

    Attributes:
        now: The present, UTC.
        held: Times of what is held.
        counted: Tasks by the source's count, of each day that was counted.
        states: State of every day that a load ever looked at.
        last_load_at: When the last finished load began; None before it.
        open_tasks: Tasks held open.
        page_rows: Rows that the source is known to give at once.
        projects: Enterprise projects, each of which is asked on its own.
        hidden: Providers that are asked on their own besides.
    """

    now: datetime
    held: TimeIndex
    counted: Mapping[date, int]
    states: Mapping[date, DayState]
    last_load_at: datetime | None
    open_tasks: int
    page_rows: int
    projects: int = 1
    hidden: int = 0

    @property
    def scopes(self) -> int:
        """How often each query is asked."""
        return self.projects * (1 + self.hidden)


@dataclass(frozen=True)
class Forecast:
    """What a load will take.

    Attributes:
        sweeps: Of each of the plan's sweeps, in order.
        by_id: Of tasks asked for by their id.
        counts: Of samples and counts.
    """

    sweeps: tuple[Expected, ...]
    by_id: Expected
    counts: Expected

    @property
    def records(self) -> int | None:
        """All records; None where any part is unknown."""
        return _sum([one.records for one in self._parts])

    @property
    def requests(self) -> int | None:
        """All requests; None where any part is unknown."""
        return _sum([one.requests for one in self._parts])

    @property
    def _parts(self) -> tuple[Expected, ...]:
        return (*self.sweeps, self.by_id, self.counts)


def forecast_load(plan: Plan, known: Known) -> Forecast:
    """Forecasts a load.

    Args:
        plan: Its plan.
        known: What is known of its source.
    """
    return Forecast(
        sweeps=tuple(_expect_sweep(sweep, known) for sweep in plan.sweeps),
        by_id=_expect_by_id(plan, known),
        counts=_expect_counts(plan, known),
    )


def requests_for(records: int, page_rows: int) -> int:
    """Requests of a walk: pages overlap by a row, and the last one shows that nothing follows."""
    if records < 2:
        return 1 + records
    return 1 - (-(records - 1) // max(1, page_rows - 1)) if page_rows > 1 else records + 1


def _expect_sweep(sweep: Sweep, known: Known) -> Expected:
    query = sweep.query
    if known.last_load_at is None:
        return UNKNOWN
    if query.status is not None:
        records, basis = _expect_status(query.status, known), Basis.HELD
    elif query.start_time is None:
        return UNKNOWN
    else:
        found = _expect_window(query.start_time, query.end_time or known.now, known, known.last_load_at)
        if found is None:
            return UNKNOWN
        records, basis = found
    requests = requests_for(records, known.page_rows) + known.scopes - 1
    return Expected(records, requests, basis)


def _expect_status(status: str, known: Known) -> int:
    if status in NEVER_STARTED_STATUSES:
        since = known.now - RETENTION
        created, started = (known.held.between(name, since, None) for name in ("created_at", "started_at"))
        return max(0, created - started)
    # Those that wait are few, and run before long.
    return known.open_tasks if status == OPEN_STATUSES[0] else 0


def _expect_window(
    start: datetime, end: datetime, known: Known, last_load_at: datetime
) -> tuple[int, Basis] | None:
    """Records of a window: those held, corrected by counts, and the rate where nothing is known."""
    records = float(known.held.between("created_at", start, end))
    unseen = timedelta()
    for day, share in _shares(start, end):
        seen_until = min(end, start_of(day) + DAY)
        seen_from = max(start, start_of(day))
        if day not in known.states:
            unseen += seen_until - seen_from
            continue
        unseen += max(timedelta(), seen_until - max(seen_from, last_load_at))
        if day in known.counted and day != day_of(last_load_at):
            held = known.held.between("created_at", start_of(day), start_of(day) + DAY)
            records += share * (known.counted[day] - held)
    if not unseen:
        return max(0, round(records)), Basis.HELD
    rate = _records_per_day(known, day_of(last_load_at))
    if rate is None:
        return None
    return max(0, round(records + rate * (unseen / DAY))), Basis.RATE


def _shares(start: datetime, end: datetime) -> Iterator[tuple[date, float]]:
    """The days that a window touches, with the share of each that lies within."""
    for day in days_between(day_of(start), day_of(end)):
        inside = min(end, start_of(day) + DAY) - max(start, start_of(day))
        if inside > timedelta():
            yield day, inside / DAY


def _records_per_day(known: Known, today: date) -> float | None:
    days = sorted(day for day in known.states if day < today)[-RATE_DAYS:]
    if not days:
        return None
    held = (known.held.between("created_at", start_of(day), start_of(day) + DAY) for day in days)
    return sum(held) / len(days)


def _expect_by_id(plan: Plan, known: Known) -> Expected:
    """Tasks created before the live edge that changed lately and lie in no window."""
    if not plan.follow_open or plan.purpose is not Purpose.INCREMENTAL:
        return Expected(0, 0, Basis.HELD)
    since = plan.settled_before
    changed = known.held.between("updated_at", since, None) - known.held.between("created_at", since, None)
    return Expected(max(0, changed), max(0, changed), Basis.HELD)


def _expect_counts(plan: Plan, known: Known) -> Expected:
    """Samples and counts bring no records that are kept."""
    samples = 0
    if plan.purpose is not Purpose.INCREMENTAL:
        samples = (len(PROVIDERS) - known.hidden) * known.projects
    renewed = [
        day
        for day in plan.audited
        if plan.purpose is Purpose.INCREMENTAL and known.states.get(day) is DayState.COMPLETE
    ]
    runs = len(consecutive_runs(renewed))
    rest = len(plan.audited) - len(renewed)
    # A run takes one at each end, and all one from before everything.
    counts = 2 * runs + bool(runs) + (1 + rest + PROBING_REQUESTS if rest else 0)
    return Expected(0, CLOCK_REQUESTS + samples + counts * known.scopes, Basis.HELD)


def _sum(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
