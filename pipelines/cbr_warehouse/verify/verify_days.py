"""Verifies the days of one load: counts them, asks again for what does not agree, judges each day."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose, SourceState
from cbr_warehouse.extract.sweeps import SweepRunner
from cbr_warehouse.raw.ledgers import AuditEntry, read_audits
from cbr_warehouse.tables.queries import count_quarantined, count_undated, held_times
from cbr_warehouse.tables.time_index import TimeIndex
from cbr_warehouse.verify.count_days import DayCount, DayCounter
from cbr_warehouse.verify.fallback_queries import fallback_sweeps
from cbr_warehouse.verify.judge import judge
from cbr_warehouse.verify.lost_days import find_lost_days, lost_entry
from cbr_warehouse.verify.renew import renew_days


@dataclass(frozen=True)
class Verification:
    """What a load found about its days.

    Attributes:
        entries: One entry for each day, for the ledger.
        newly_lost: Days that left retention since the last load without having been complete.
        quarantined: Quarantined records whose task is stored in no version.
    """

    entries: tuple[AuditEntry, ...] = ()
    newly_lost: tuple[date, ...] = ()
    quarantined: int = 0

    @property
    def incomplete(self) -> tuple[date, ...]:
        """Days of which the source has more."""
        return self._in(DayState.INCOMPLETE)

    @property
    def unverified(self) -> tuple[date, ...]:
        """Days whose counts prove nothing."""
        return self._in(DayState.UNVERIFIED)

    def _in(self, state: DayState) -> tuple[date, ...]:
        return tuple(entry.day for entry in self.entries if entry.state == state)


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
    for sweeps in fallback_sweeps(days.short):
        if not days.short:
            break
        runner.sweep_all(sweeps)
        make_tables()
        days.count(days.disagreeing)
    lost = find_lost_days(runner.clock(), horizon, state)
    entries = [*days.judge_all(), *(lost_entry(day, days.before.get(day)) for day in lost)]
    return Verification(
        tuple(sorted(entries, key=lambda entry: entry.day)),
        lost,
        count_quarantined(runner.directory, runner.source),
    )


class _LoadDays:
    """The days of one load while they are being verified."""

    def __init__(self, runner: SweepRunner, plan: Plan) -> None:
        self._runner = runner
        self._plan = plan
        self._today = day_of(runner.clock())
        self.before = read_audits(runner.directory, runner.source)
        self._renewed: frozenset[date] = frozenset()
        self._found: dict[date, DayCount] = {}

    @property
    def short(self) -> tuple[date, ...]:
        """Closed days of which the source has more than is stored."""
        return tuple(
            day
            for day, found in self._found.items()
            if judge(found, is_today=day >= self._today) is DayState.INCOMPLETE
        )

    @property
    def disagreeing(self) -> tuple[date, ...]:
        """Closed days whose counts do not agree, for whatever reason."""
        return tuple(day for day, found in self._found.items() if day < self._today and not found.agrees)

    def renew(self) -> None:
        """Confirms days that were complete before; a deep load counts every day by itself instead."""
        if self._plan.purpose is Purpose.INCREMENTAL:
            was_complete = [day for day in self._plan.audited if self._was_complete(day)]
            self._renewed = renew_days(self._counter(), was_complete)

    def count(self, days: tuple[date, ...]) -> None:
        """Counts days again, against what is stored now."""
        self._found |= self._counter().count_days([day for day in days if day not in self._renewed])

    def judge_all(self) -> list[AuditEntry]:
        """The ledger entries of all days."""
        now = self._runner.clock()
        undated = count_undated(self._runner.directory, self._runner.source)
        uncertain = undated + self._runner.tally.repeated
        entries = [replace(self.before[day], checked_at=now) for day in self._renewed]
        return entries + [self._entry(day, found, uncertain) for day, found in self._found.items()]

    def _entry(self, day: date, found: DayCount, uncertain: int) -> AuditEntry:
        state = judge(found, is_today=day >= self._today, uncertain=uncertain)
        if self._was_complete(day) and state is not DayState.INCOMPLETE:
            # It was proved while the source had the whole day. Tasks that expire since then make the
            # counts disagree, but only a surplus can show that something is missing.
            state = DayState.COMPLETE
        missing = found.total - found.counted if found.counted is not None else 0
        return AuditEntry(day, found.counted, max(0, missing), state.value, self._runner.clock())

    def _was_complete(self, day: date) -> bool:
        return day in self.before and self.before[day].state == DayState.COMPLETE

    def _counter(self) -> DayCounter:
        return DayCounter(self._runner.count, self._stored(), self._today)

    def _stored(self) -> TimeIndex:
        # A task may start or change long after its creation: earlier days are read too.
        since = min(self._plan.audited, default=self._today) - RETENTION
        return held_times(self._runner.directory, self._runner.source, since)
