"""Verifies the days of one load: counts them, asks again for what does not agree, judges each day."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import day_of, start_of
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose, SourceState, Sweep
from cbr_warehouse.extract.retry_schedule import is_steady
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.raw.ledgers import AuditEntry, read_audits
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.stored_tasks import count_quarantined, count_undated, read_time_index
from cbr_warehouse.tables.task_times import TimeIndex
from cbr_warehouse.verify.count_days import DayCount, DayCounter
from cbr_warehouse.verify.fallback_queries import ALL_WAYS, Way, fallback_sweeps, ways_of
from cbr_warehouse.verify.judge import Judgement, Uncertain, judge
from cbr_warehouse.verify.lost_days import find_lost_days, lost_entry
from cbr_warehouse.verify.renew import renew_days
from cbr_warehouse.verify.verification import Verification


def verify_days(
    runner: SweepRunner, horizon: Horizon, state: SourceState, plan: Plan, make_tables: Callable[[], None]
) -> Verification:
    """Counts the plan's days and judges them; what does not agree is asked for in other ways first.

    Args:
        runner: Makes the load's requests.
        horizon: Settings of the source.
        state: What was known of the source before.
        plan: The load's plan.
        make_tables: Brings the tables up to date after another sweep.

    Returns:
        What was found about each day.

    Raises:
        SourceError: The source failed.
    """
    days = _LoadDays(runner, plan)
    days.renew()
    days.count(plan.audited)
    days.read_late_today(make_tables)
    days.ask_again(make_tables)
    judged = {entry.day: entry for entry in days.judge_all()}
    # A day that this load found complete is not lost, however late it was asked for.
    complete = {day for day, entry in judged.items() if entry.state == DayState.COMPLETE}
    lost = tuple(day for day in find_lost_days(runner.clock.now(), horizon, state) if day not in complete)
    entries = (judged | {day: lost_entry(day, days.before.get(day)) for day in lost}).values()
    return Verification(
        tuple(sorted(entries, key=lambda entry: entry.day)),
        lost,
        count_quarantined(runner.directory, runner.source),
        frozenset(day for day, entry in days.before.items() if entry.reason == DayReason.EDGE_OF_RETENTION),
        max((day for day, entry in days.before.items() if entry.state == DayState.COMPLETE), default=None),
    )


class _LoadDays:
    """The days of one load while they are being verified."""

    def __init__(self, runner: SweepRunner, plan: Plan) -> None:
        self._runner = runner
        self._plan = plan
        self._today = day_of(runner.clock.certain_now())
        self.before = read_audits(runner.directory, runner.source, runner.clock.confirmed_now())
        self._renewed: frozenset[date] = frozenset()
        self._found: dict[date, DayCount] = {}
        self._asked = frozenset(plan.doubted)
        self._counter = self._new_counter()

    def renew(self) -> None:
        """Confirms earlier verdicts; a deep load counts every day by itself instead."""
        if self._plan.purpose is not Purpose.INCREMENTAL:
            return
        known = {day: self.before[day] for day in self._plan.audited if day in self.before}
        closed = {day: entry for day, entry in known.items() if day < self._today}
        self._renewed = renew_days(
            self._counter,
            [day for day, entry in closed.items() if entry.state == DayState.COMPLETE],
            {day: entry for day, entry in closed.items() if is_steady(entry) and day not in self._asked},
        )

    def count(self, days: tuple[date, ...]) -> None:
        """Counts days that were not confirmed, against what is stored now."""
        known = {day: (entry.counted, entry.held) for day, entry in self.before.items()}
        counted = [day for day in days if day not in self._renewed]
        self._found |= self._counter.count_days(counted, known)

    def read_late_today(self, make_tables: Callable[[], None]) -> None:
        """Reads what came late today, where the live edge left out the beginning of the day."""
        if self._plan.thinned_from is None:
            return
        until = self._counter.late_before(self._today, self._plan.thinned_from)
        if until is None:
            return
        window = TaskQuery(start_time=start_of(self._today) - PAD, end_time=until + PAD)
        received = self._runner.counters.distinct.total()
        self._runner.sweep_all([Sweep(window, "counts do not agree: tasks of today that came late")])
        if self._runner.counters.distinct.total() > received:
            self._count_again(make_tables)

    def ask_again(self, make_tables: Callable[[], None]) -> None:
        """Asks in other ways for the days of which the source has more, and counts them again."""
        asked: dict[tuple[Way, ...], list[date]] = {}
        for day in self._short:
            if not self._is_as_before(day) or (
                day in self._asked and self._plan.purpose is not Purpose.INCREMENTAL
            ):
                asked.setdefault(ALL_WAYS, []).append(day)
            elif day in self._asked:
                asked.setdefault(ways_of(self.before[day].asks), []).append(day)
        self._asked |= {day for days in asked.values() for day in days}
        for ways, days in asked.items():
            self._ask(days, ways, make_tables)

    def _ask(self, days: Sequence[date], ways: Sequence[Way], make_tables: Callable[[], None]) -> None:
        """Asks for days in some ways, one after the other, until none of them is short."""
        is_counted = True
        for sweeps in fallback_sweeps(days, self._counter.total, self._runner.page_size.received, ways):
            if not set(days).intersection(self._short):
                return
            received = self._runner.counters.distinct.total()
            self._runner.sweep_all(sweeps)
            is_counted = self._runner.counters.distinct.total() > received
            if is_counted:
                self._count_again(make_tables)
        if not is_counted:
            # Nothing new came since they were counted: only the count itself may have changed.
            self._count_again(make_tables)

    def judge_all(self) -> list[AuditEntry]:
        """The ledger entries of all days."""
        now = self._runner.clock.now()
        undated = count_undated(self._runner.directory, self._runner.source)
        uncertain = Uncertain(undated, self._runner.counters.repeated)
        entries = [replace(self.before[day], checked_at=now) for day in self._renewed]
        return entries + [self._entry(day, found, uncertain) for day, found in self._found.items()]

    @property
    def _short(self) -> tuple[date, ...]:
        """Closed days of which the source has more than is stored."""
        return tuple(
            day
            for day, found in self._found.items()
            if judge(found, is_today=day >= self._today).state is DayState.INCOMPLETE
        )

    def _is_as_before(self, day: date) -> bool:
        """Whether a day that is not proved has the numbers with which it was asked for before."""
        before, found = self.before.get(day), self._found[day]
        is_same = before is not None and (before.counted, before.held) == (found.counted, found.total)
        return is_same and before is not None and is_steady(before) and before.asks > 0

    def _count_again(self, make_tables: Callable[[], None]) -> None:
        make_tables()
        self._counter = self._new_counter()
        self.count(tuple(day for day, found in self._found.items() if self._may_agree(day, found)))

    def _may_agree(self, day: date, found: DayCount) -> bool:
        return day < self._today and not found.agrees and found.counted is not None

    def _entry(self, day: date, found: DayCount, uncertain: Uncertain) -> AuditEntry:
        verdict = judge(found, is_today=day >= self._today, uncertain=uncertain)
        before = self.before.get(day)
        is_known = before is not None and day not in self._asked and self._is_as_before(day)
        if before is not None and is_known and verdict.state in {DayState.UNVERIFIED, DayState.INCOMPLETE}:
            # The same counts, and it was not read again: what was seen when it was read still explains them.
            return replace(before, checked_at=self._runner.clock.now())
        if self._was_complete(day) and verdict.state is DayState.UNVERIFIED:
            # It was proved while the source had the whole day. Tasks that expire since then make the
            # counts disagree, but only a surplus can show that something is missing.
            verdict = Judgement(DayState.COMPLETE)
        elif verdict.state is DayState.UNVERIFIED and self._was_lost(day):
            # Reading it again proves nothing more, and it must not be found newly lost by the next load.
            reason = self.before[day].reason
            verdict = Judgement(DayState.LOST, DayReason(reason) if reason else DayReason.NOT_LOOKED_AT)
        elif verdict.state is DayState.UNVERIFIED and self._is_damaged(day):
            # It may have been complete before its files were damaged: that is what there is to mend.
            verdict = Judgement(DayState.UNVERIFIED, DayReason.DAMAGED_RAW)
        return self._new_entry(day, found, verdict)

    def _new_entry(self, day: date, found: DayCount, verdict: Judgement) -> AuditEntry:
        expired = 0 if found.counted is None else max(0, found.total - found.counted)
        asks = 0
        if verdict.state in {DayState.UNVERIFIED, DayState.INCOMPLETE}:
            asks = self.before[day].asks + 1 if self._is_as_before(day) else 1
        return AuditEntry(
            day,
            found.counted,
            expired,
            verdict.state.value,
            self._runner.clock.now(),
            verdict.reason.value if verdict.reason else None,
            held=found.total,
            asked_at=self._plan.starts_at if asks else None,
            asks=asks,
        )

    def _is_damaged(self, day: date) -> bool:
        return day in self.before and self.before[day].reason == DayReason.DAMAGED_RAW

    def _was_lost(self, day: date) -> bool:
        return day in self.before and self.before[day].state == DayState.LOST

    def _was_complete(self, day: date) -> bool:
        return day in self.before and self.before[day].state == DayState.COMPLETE

    def _new_counter(self) -> DayCounter:
        return DayCounter(self._runner.count, self._stored(), self._today, self._runner.source)

    def _stored(self) -> TimeIndex:
        # A task may start or change long after its creation: earlier days are read too.
        since = min(self._plan.audited, default=self._today) - RETENTION
        return read_time_index(self._runner.directory, self._runner.source, since)
