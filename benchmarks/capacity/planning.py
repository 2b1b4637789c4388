"""The loads of one source in simulated time: what the real planner asks for, hour after hour.

``plan_load`` decides what a load reads, from a state that the loads before it left. How many requests that
takes is computed by ``forecast_load``, which is given what the source really has in place of what a load
would know: a forecast without anything unknown. Not modelled: late tasks, dense windows that are split.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from estate import ModelSource, Tasks, instant_of, micros

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, day_of, days_between, start_of
from cbr_warehouse.extract.forecast import ForecastInputs, forecast_load
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose, SourceState, plan_load
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.tables.sorted_times import SortedTimes
from cbr_warehouse.tables.stored_tasks import FollowedTask
from cbr_warehouse.tables.task_times import COLUMNS, TimeIndex
from cbr_warehouse.verify.fallback_queries import expected_sweeps

HORIZON = Horizon(history=timedelta(days=30), settle=timedelta(hours=48))
"""The defaults."""

PAGE_ROWS = 1000
DAYS_BEFORE = 32
"""Days before the first load whose tasks loads look at."""

UNPROVABLE_EVERY = 9
"""Of a source with days that cannot be proved, each so many days is one."""


@dataclass(frozen=True)
class LoadNeeds:
    """What one load takes from its source.

    Attributes:
        source: Number of the source.
        planned_at: When it is due, UTC.
        purpose: Incremental or deep.
        swept: Requests that read records, several at a time.
        counted: Requests that count, one after the other.
        records: Records received.
        new: Tasks that it sees for the first time.
    """

    source: int
    planned_at: datetime
    purpose: Purpose
    swept: int
    counted: int
    records: int
    new: int

    @property
    def requests(self) -> int:
        """All requests."""
        return self.swept + self.counted


class SourceLoads:
    """A source that has been loaded hourly for long, from some midnight on.

    Args:
        source: The source.
        tasks: Its tasks, from ``DAYS_BEFORE`` days before ``start`` on.
        start: The midnight before the first load, UTC.
    """

    def __init__(self, source: ModelSource, tasks: Tasks, start: datetime) -> None:
        self._source = source
        self._tasks = tasks
        created, ended = SortedTimes.of(tasks.created), SortedTimes.of(np.sort(tasks.ended))
        self._index = TimeIndex(dict.fromkeys(COLUMNS, created), created, ended, {})
        self._last_at = start - timedelta(hours=1)
        since_deep = (24 - source.deep_hour) % 24 or 24
        first = day_of(start - DAYS_BEFORE * DAY)
        closed = list(days_between(first, day_of(start) - DAY))
        self._states: dict[date, DayState] = {}
        self._audits: dict[date, AuditEntry] = {}
        for day in closed:
            self._judge(day, start, asks=4)
        self._state = SourceState(
            states=self._states,
            first_load_at=start_of(first),
            requested_from=first,
            last_load_at=self._last_at,
            last_deep_at=start - timedelta(hours=since_deep),
            audits=self._audits,
            edited_at=start if source.is_edited else None,
        )

    def load(self, now: datetime) -> LoadNeeds:
        """Plans the load of an instant, and counts it as done."""
        if self._source.is_edited:
            self._state = replace(self._state, edited_at=self._last_at)
        plan = plan_load(now, HORIZON, self._state)
        needs = self._needs(plan, now)
        self._finish(plan, now)
        return needs

    def _needs(self, plan: Plan, now: datetime) -> LoadNeeds:
        inputs = ForecastInputs(
            now=now,
            stored=self._index,
            counted={},
            states={**self._states, day_of(now): DayState.OPEN},
            last_load_at=now,  # nothing is unknown
            followed=self._followed(plan, now),
            page_rows=PAGE_ROWS,
            audits=self._audits,
            retries=expected_sweeps(plan, self._audits, PAGE_ROWS),
        )
        found = forecast_load(plan, inputs)
        counted = found.counts.requests or 0
        new = np.searchsorted(self._tasks.created, (micros(self._last_at), micros(now)))
        return LoadNeeds(
            self._source.number,
            now,
            plan.purpose,
            (found.requests or 0) - counted,
            counted,
            found.records or 0,
            int(new[1] - new[0]),
        )

    def _followed(self, plan: Plan, now: datetime) -> tuple[FollowedTask, ...]:
        """Tasks stored before this load that were open then, or ended when the plan says."""
        created, ended = self._tasks.created, self._tasks.ended
        last, present = micros(self._last_at), micros(now)
        first, stored = np.searchsorted(created, (last - 4 * 24 * 3_600_000_000, last))
        own_created, own_ended = created[first:stored], ended[first:stored]
        was_open = own_ended > last
        due = np.zeros(len(own_created), bool)
        for since, until in plan.due:
            due |= (own_ended >= micros(since)) & (own_ended < (present if until is None else micros(until)))
        # The sweep by status has those that are open still; those that ended since are read otherwise.
        is_open = was_open & (own_ended > present)
        return tuple(
            FollowedTask(instant_of(at), instant_of(at), bool(still))
            for at, still in zip(own_created[was_open | due], is_open[was_open | due], strict=True)
        )

    def _finish(self, plan: Plan, now: datetime) -> None:
        today = day_of(now)
        self._states[today] = DayState.OPEN
        self._audits[today] = AuditEntry(today, self._held(today), 0, DayState.OPEN.value, now)
        for day in plan.audited:
            if day == today:
                continue
            known = self._audits.get(day)
            if known is None or known.state == DayState.OPEN:
                self._judge(day, now, asks=1)
            elif day in plan.doubted and known.state != DayState.COMPLETE:
                self._audits[day] = replace(known, asks=known.asks + 1, asked_at=now)
        for day in [day for day in self._states if day < plan.audited[0]]:
            del self._states[day], self._audits[day]
        self._last_at = now
        deep_at = now if plan.purpose is Purpose.DEEP else self._state.last_deep_at
        self._state = replace(self._state, last_load_at=now, last_deep_at=deep_at)

    def _judge(self, day: date, now: datetime, asks: int) -> None:
        held = self._held(day)
        is_proved = not (
            self._source.has_unprovable_days
            and (day.toordinal() + self._source.number) % UNPROVABLE_EVERY == 0
        )
        state = DayState.COMPLETE if is_proved else DayState.UNVERIFIED
        reason = None if is_proved else DayReason.COUNTS_DISAGREE.value
        self._states[day] = state
        self._audits[day] = AuditEntry(
            day,
            held + (not is_proved),
            0,
            state.value,
            now,
            reason,
            held,
            None if is_proved else now,
            0 if is_proved else asks,
        )

    def _held(self, day: date) -> int:
        return self._index.between("created_at", start_of(day), start_of(day) + DAY)
