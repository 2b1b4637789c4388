"""Proves the days of a load: counts them, sweeps in other ways what does not add up, judges."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import dropwhile, pairwise

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, day_of
from cbr_warehouse.extract.audit import Audit, DayCount, judge
from cbr_warehouse.extract.fallback_queries import other_ways
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose, left_behind
from cbr_warehouse.extract.sweeps import SweepRunner
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.state import read_holding
from cbr_warehouse.raw.ledgers import AuditEntry, read_audits
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.tables.queries import count_quarantined, count_undated, held_times
from cbr_warehouse.tables.time_index import TimeIndex


@dataclass(frozen=True)
class Proof:
    """What a load found of its days.

    Attributes:
        entries: Its findings, for the ledger.
        newly_lost: Days that left retention unproven.
        quarantined: Records in quarantine whose task is held in no version.
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


def prove_days(
    loading: LoadContext,
    source: SourceSettings,
    plan: Plan,
    gathering: SweepRunner,
    make_tables: Callable[[], None],
) -> Proof:
    """Counts the plan's days and judges them; what does not add up is swept in other ways first.

    Args:
        loading: What the load works with.
        source: The source.
        plan: The load's plan.
        gathering: The load's asking.
        make_tables: Brings the tables up after another sweep.

    Returns:
        What is proved.

    Raises:
        SourceError: The source failed.
    """
    proving = _Proving(loading, source, plan, gathering)
    proving.renew()
    proving.count(plan.audited)
    for sweeps in other_ways(proving.short):
        if not proving.short:
            break
        gathering.sweep_all(sweeps)
        make_tables()
        proving.count(proving.disagreeing)
    return proving.proof()


class _Proving:
    """The days of one load while they are being proved."""

    def __init__(
        self, loading: LoadContext, source: SourceSettings, plan: Plan, gathering: SweepRunner
    ) -> None:
        self._loading = loading
        self._source = source
        self._plan = plan
        self._gathering = gathering
        self._today = day_of(loading.clock())
        self._before = read_audits(loading.directory, source.name)
        self._renewed: set[date] = set()
        self._found: dict[date, DayCount] = {}
        self._held = self._read_held()
        self._uncertain = 0

    @property
    def short(self) -> tuple[date, ...]:
        """Closed days of which the source has more than is held."""
        return tuple(
            day
            for day, found in self._found.items()
            if judge(found, is_today=day >= self._today) is DayState.INCOMPLETE
        )

    @property
    def disagreeing(self) -> tuple[date, ...]:
        """Closed days that do not add up, for whatever reason."""
        return tuple(day for day, found in self._found.items() if day < self._today and not found.agrees)

    def renew(self) -> None:
        """Renews the proof of days that were proved before, many with one count."""
        if self._plan.purpose is not Purpose.INCREMENTAL:
            return
        audit = self._audit()
        for run in _runs([day for day in self._plan.audited if self._is_proven(day)]):
            served = list(dropwhile(lambda day: not audit.is_served_whole(day), run))
            if served and audit.span_agrees(served[0], served[-1]):
                self._renewed.update(served)

    def count(self, days: tuple[date, ...]) -> None:
        """Counts days anew against what is held now."""
        self._held = self._read_held()
        self._found |= self._audit().count_days([day for day in days if day not in self._renewed])

    def proof(self) -> Proof:
        """Judges all days."""
        now = self._loading.clock()
        undated = count_undated(self._loading.directory, self._source.name)
        self._uncertain = undated + self._gathering.tally.repeated
        entries = [replace(self._before[day], checked_at=now) for day in self._renewed]
        entries += [self._entry(day, found) for day, found in self._found.items()]
        lost = left_behind(
            now,
            Horizon(self._source.history, self._source.settle),
            read_holding(self._loading.directory, self._source.name),
        )
        entries += [_lost(day, self._before.get(day)) for day in lost]
        quarantined = count_quarantined(self._loading.directory, self._source.name)
        return Proof(tuple(sorted(entries, key=lambda entry: entry.day)), lost, quarantined)

    def _entry(self, day: date, found: DayCount) -> AuditEntry:
        state = judge(found, is_today=day >= self._today, uncertain=self._uncertain)
        if self._is_proven(day) and state is not DayState.INCOMPLETE:
            state = DayState.COMPLETE  # a proof stands until a surplus shows
        missing = found.total - found.counted if found.counted is not None else 0
        return AuditEntry(day, found.counted, max(0, missing), state.value, self._loading.clock())

    def _is_proven(self, day: date) -> bool:
        return day in self._before and self._before[day].state == DayState.COMPLETE

    def _audit(self) -> Audit:
        return Audit(self._gathering.count, self._held, self._today)

    def _read_held(self) -> TimeIndex:
        # A task may start or change long after its creation: the days before are read too.
        since = min(self._plan.audited, default=self._today) - RETENTION
        return held_times(self._loading.directory, self._source.name, since)


def _runs(days: list[date]) -> Iterator[list[date]]:
    """Runs of consecutive days."""
    run = days[:1]
    for earlier, day in pairwise(days):
        if day - earlier != DAY:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _lost(day: date, before: AuditEntry | None) -> AuditEntry:
    if before is None:
        return AuditEntry(day, None, 0, DayState.LOST.value, None)
    return replace(before, state=DayState.LOST.value)
