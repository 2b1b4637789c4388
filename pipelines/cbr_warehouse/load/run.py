"""One load of the configured sources: plan, sweep, tables, audit, warehouse."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date

from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import CbrWarehouseError, SourceError
from cbr_warehouse.extract.open_tasks import follow_tasks
from cbr_warehouse.extract.plan import Horizon, Plan, plan_load
from cbr_warehouse.extract.scopes import scopes_of, sweep_providers
from cbr_warehouse.extract.sweeps import SweepRunner
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.exclusive import hold_alone
from cbr_warehouse.load.forecast_inputs import expect_load
from cbr_warehouse.load.repair import find_and_set_aside, refuse_damaged, refuse_missing
from cbr_warehouse.load.result import LoadResult, SourceResult
from cbr_warehouse.load.state import read_source_state
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import (
    AuditFindings,
    LoadEntry,
    read_hidden_providers,
    read_vanished,
    write_audit,
    write_load,
)
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import UNKNOWN_DAY
from cbr_warehouse.tables.accounting import RecordOutcomes, refuse_unaccounted
from cbr_warehouse.tables.build import forget_tables, make_tables
from cbr_warehouse.tables.queries import tasks_to_follow
from cbr_warehouse.verify.unwindowed import sweep_unwindowed
from cbr_warehouse.verify.verify_days import Verification, verify_days
from cbr_warehouse.warehouse.build import build_warehouse

logger = logging.getLogger(__name__)


def load(loading: LoadContext, sources: Sequence[ReadySource], wanted: LoadRequest) -> LoadResult:
    """Loads sources and publishes the warehouse.

    A source that fails does not keep the others from being loaded; what it brought before is
    published too.

    Args:
        loading: What to work with.
        sources: The sources.
        wanted: What to do.

    Returns:
        What came of each source.

    Raises:
        LoadRunningError: Another load holds the data directory.
        StorageError: The data directory could not be written.
    """
    names = ", ".join(source.settings.name for source in sources)
    with hold_alone(loading, f"load of {names}", wait=wanted.wait):
        reports = [load_source(loading, source, wanted) for source in sources]
        loading.progress.step("", "warehouse")
        build_warehouse(loading.directory, loading.contract, loading.analytics)
    return LoadResult(tuple(reports))


def rebuild(loading: LoadContext) -> None:
    """Makes tables and warehouse again from raw alone, without the API.

    Raises:
        LoadRunningError: A load holds the data directory.
        StorageError: The data directory could not be written, or raw holds a damaged file
            or lacks one.
    """
    directory = loading.directory
    with hold_alone(loading, "rebuild", wait=False):
        refuse_damaged(directory, directory.sources_with_raw())
        refuse_missing(directory, directory.sources_with_raw())
        forget_tables(directory)
        for source in directory.sources_with_raw():
            loading.progress.step(source, "days made")
            make_tables(directory, source, loading.contract, progress=lambda *_: loading.progress.advance())
        loading.progress.step("", "warehouse")
        build_warehouse(directory, loading.contract, loading.analytics, fresh=True)


def plan_source(loading: LoadContext, source: SourceSettings, wanted: LoadRequest) -> Plan:
    """What a load of a source would ask for now. Asks nothing."""
    state = read_source_state(loading.directory, source.name)
    horizon = Horizon(source.history, source.settle)
    return plan_load(loading.clock(), horizon, state, wanted=wanted.range, deep=wanted.deep)


def load_source(loading: LoadContext, ready: ReadySource, wanted: LoadRequest) -> SourceResult:
    """Loads one source up to its tables; whoever calls holds the lock and builds the warehouse.

    Args:
        loading: What to work with.
        ready: The source, with what signs it in.
        wanted: What to do.

    Returns:
        What came of it; a source that failed is told here, not raised.

    Raises:
        StorageError: The data directory could not be written.
        ConservationError: The tables would not account for every record received.
    """
    source = ready.settings
    started_at = loading.clock()
    load_id = f"{started_at:%Y%m%dT%H%M%S%fZ}-{loading.new_id().hex[:8]}"
    plan = plan_source(loading, source, wanted)
    damage = find_and_set_aside(loading.directory, source.name, load_id, plan)
    if damage.set_aside:
        # No window is that of the records without a usable created_at: they may be in any.
        deep = wanted.deep or UNKNOWN_DAY in damage.set_aside
        plan = plan_source(loading, source, replace(wanted, deep=deep))
    expected = expect_load(loading, source, plan)
    entry = LoadEntry(
        load_id=load_id,
        source=source.name,
        started_at=started_at,
        purpose=plan.purpose.value,
        since=plan.since,
        until=plan.until,
        expected_requests=expected.requests,
        expected_records=expected.records,
    )
    write_load(loading.directory, entry)
    run = _SourceRun(loading, ready, plan, entry)
    try:
        verified, failure = run.carry_out()
    except CbrWarehouseError as error:
        with suppress(CbrWarehouseError):
            write_load(loading.directory, replace(run.summary(), outcome="failed", message=str(error)))
        raise
    outcome = replace(
        run.summary(), outcome="failed" if failure else "done", message=str(failure) if failure else None
    )
    write_load(loading.directory, outcome)
    return SourceResult(
        outcome,
        incomplete=verified.incomplete,
        newly_lost=verified.newly_lost,
        unverified=verified.unverified,
        quarantined=verified.quarantined,
        read=() if failure else plan.read,
        findings=verified.entries,
        damage=damage,
        kept=tuple(sorted(run.kept)),
        failure=failure,
    )


class _SourceRun:
    """One source being loaded."""

    def __init__(self, loading: LoadContext, ready: ReadySource, plan: Plan, entry: LoadEntry) -> None:
        self._loading = loading
        self._ready = ready
        self._source = ready.settings
        self._plan = plan
        self._entry = entry
        self.kept: frozenset[str] = frozenset()
        self._effects: dict[str, RecordOutcomes] = {}
        self._gathering: SweepRunner | None = None

    def carry_out(self) -> tuple[Verification, SourceError | None]:
        """Does all that the load does for the source.

        Returns:
            What it found, and what the source failed with: what landed before is in the tables.
        """
        try:
            return self._extract(), None
        except SourceError as error:
            logger.debug("load of %s failed", self._source.name, exc_info=True)
            self.make_tables()
            return Verification(), error

    def _extract(self) -> Verification:
        """Sweeps, follows open tasks, makes tables, audits and notes what is proved.

        Raises:
            SourceError: The source failed; what landed before stays.
        """
        directory, name, load_id = self._loading.directory, self._source.name, self._entry.load_id
        landing = Landing(
            directory,
            name,
            load_id,
            door=RecordValidator(self._loading.contract),
            contract=self._loading.contract.fingerprint,
        )
        followed = self._followed()
        landing.watch(followed)
        with self._loading.connect(self._ready) as client:
            gathering = SweepRunner(
                client,
                landing,
                directory,
                name,
                load_id,
                self._loading.clock,
                scopes_of(self._source, read_hidden_providers(directory, name)),
            )
            self._gathering = gathering
            self._loading.progress.step(name, "tasks received")
            hidden = sweep_providers(gathering, self._plan, self._loading.progress.advance)
            sweep_unwindowed(gathering, self._plan, self._loading.progress.advance)
            vanished = follow_tasks(gathering, followed, self._loading.progress.advance)
            self.make_tables()
            self._loading.progress.step(name, "days proved")
            horizon = Horizon(self._source.history, self._source.settle)
            state = read_source_state(directory, name)
            verified = verify_days(gathering, horizon, state, self._plan, self.make_tables)
            write_audit(directory, name, load_id, AuditFindings(verified.entries, vanished, hidden))
        return verified

    def _followed(self) -> dict[str, date]:
        """Held tasks that may still change and must be received, by a sweep or else by id."""
        if not self._plan.follow_open:
            return {}
        directory, name = self._loading.directory, self._source.name
        vanished = read_vanished(directory, name)
        followed = tasks_to_follow(directory, name, self._plan.settled_before)
        return {task_id: day for task_id, day in followed.items() if task_id not in vanished}

    def make_tables(self) -> None:
        """Brings the tables up to what landed, but for days that raw lacks something of."""
        progress = self._loading.progress
        progress.step(self._source.name, "days made")
        made = make_tables(
            self._loading.directory,
            self._source.name,
            self._loading.contract,
            load_id=self._entry.load_id,
            progress=lambda _done, _all: progress.advance(),
        )
        self.kept = made.kept
        self._effects |= made.effects  # a day made twice in a load tells all of it the second time
        if self._gathering is not None:
            # Landing counted what it filed by itself; days kept as they are come with a later load.
            filed = self._gathering.tally.distinct
            followed = dict.fromkeys(set(filed) - made.kept, RecordOutcomes()) | self._effects
            refuse_unaccounted(self._source.name, filed, followed)

    def summary(self) -> LoadEntry:
        """The load's entry with what came of it so far."""
        gathering = self._gathering
        if gathering is None:
            return replace(self._entry, finished_at=self._loading.clock())
        tally, effects = gathering.tally, sum(self._effects.values(), RecordOutcomes())
        texts_held_before = tally.records - tally.distinct.total()
        return replace(
            self._entry,
            finished_at=self._loading.clock(),
            requests=gathering.client.requests_made,
            records=tally.records,
            new=effects.new,
            changed=effects.changed,
            superseded=effects.superseded,
            # The same facts printed anew are a repeat, though their text is new.
            repeats=texts_held_before + effects.reprinted,
            quarantined=effects.quarantined,
        )
