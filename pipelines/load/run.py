"""One load of the configured sources: plan, sweep, tables, audit, warehouse."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date

from pipelines.contract.door import Door
from pipelines.errors import CbrWarehouseError, SourceError
from pipelines.extract.follow import follow_tasks
from pipelines.extract.gather import Gathering
from pipelines.extract.plan import Horizon, Plan, plan_load
from pipelines.extract.scopes import scopes_of, sweep_providers
from pipelines.extract.timeless import sweep_timeless
from pipelines.load.alone import hold_alone
from pipelines.load.context import Loading, Wanted
from pipelines.load.damaged import find_and_set_aside, refuse_damaged, refuse_missing
from pipelines.load.expect import expect_load
from pipelines.load.holding import read_holding
from pipelines.load.prove import Proof, prove_days
from pipelines.load.report import LoadReport, SourceReport
from pipelines.raw.landing import Landing
from pipelines.raw.ledgers import (
    Findings,
    LoadEntry,
    read_hidden_providers,
    read_vanished,
    write_audit,
    write_load,
)
from pipelines.settings.model import SourceSettings
from pipelines.settings.require import ReadySource
from pipelines.storage.layout import UNKNOWN_DAY
from pipelines.tables.effects import Effects, refuse_unaccounted
from pipelines.tables.make import forget_tables, make_tables
from pipelines.tables.read import tasks_to_follow
from pipelines.warehouse.build import build_warehouse

logger = logging.getLogger(__name__)


def load(loading: Loading, sources: Sequence[ReadySource], wanted: Wanted) -> LoadReport:
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
    return LoadReport(tuple(reports))


def rebuild(loading: Loading) -> None:
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


def plan_source(loading: Loading, source: SourceSettings, wanted: Wanted) -> Plan:
    """What a load of a source would ask for now. Asks nothing."""
    holding = read_holding(loading.directory, source.name)
    horizon = Horizon(source.history, source.settle)
    return plan_load(loading.clock(), horizon, holding, wanted=wanted.range, deep=wanted.deep)


def load_source(loading: Loading, ready: ReadySource, wanted: Wanted) -> SourceReport:
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
        proof, failure = run.carry_out()
    except CbrWarehouseError as error:
        with suppress(CbrWarehouseError):
            write_load(loading.directory, replace(run.summary(), outcome="failed", message=str(error)))
        raise
    outcome = replace(
        run.summary(), outcome="failed" if failure else "done", message=str(failure) if failure else None
    )
    write_load(loading.directory, outcome)
    return SourceReport(
        outcome,
        incomplete=proof.incomplete,
        newly_lost=proof.newly_lost,
        unverified=proof.unverified,
        quarantined=proof.quarantined,
        read=() if failure else plan.read,
        findings=proof.entries,
        damage=damage,
        kept=tuple(sorted(run.kept)),
        failure=failure,
    )


class _SourceRun:
    """One source being loaded."""

    def __init__(self, loading: Loading, ready: ReadySource, plan: Plan, entry: LoadEntry) -> None:
        self._loading = loading
        self._ready = ready
        self._source = ready.settings
        self._plan = plan
        self._entry = entry
        self.kept: frozenset[str] = frozenset()
        self._effects: dict[str, Effects] = {}
        self._gathering: Gathering | None = None

    def carry_out(self) -> tuple[Proof, SourceError | None]:
        """Does all that the load does for the source.

        Returns:
            What it found, and what the source failed with: what landed before is in the tables.
        """
        try:
            return self._extract(), None
        except SourceError as error:
            logger.debug("load of %s failed", self._source.name, exc_info=True)
            self.make_tables()
            return Proof(), error

    def _extract(self) -> Proof:
        """Sweeps, follows open tasks, makes tables, audits and notes what is proved.

        Raises:
            SourceError: The source failed; what landed before stays.
        """
        directory, name, load_id = self._loading.directory, self._source.name, self._entry.load_id
        landing = Landing(
            directory,
            name,
            load_id,
            door=Door(self._loading.contract),
            contract=self._loading.contract.fingerprint,
        )
        followed = self._followed()
        landing.watch(followed)
        with self._loading.connect(self._ready) as client:
            gathering = Gathering(
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
            sweep_timeless(gathering, self._plan, self._loading.progress.advance)
            vanished = follow_tasks(gathering, followed, self._loading.progress.advance)
            self.make_tables()
            self._loading.progress.step(name, "days proved")
            proof = prove_days(self._loading, self._source, self._plan, gathering, self.make_tables)
            write_audit(directory, name, load_id, Findings(proof.entries, vanished, hidden))
        return proof

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
            followed = dict.fromkeys(set(filed) - made.kept, Effects()) | self._effects
            refuse_unaccounted(self._source.name, filed, followed)

    def summary(self) -> LoadEntry:
        """The load's entry with what came of it so far."""
        gathering = self._gathering
        if gathering is None:
            return replace(self._entry, finished_at=self._loading.clock())
        tally, effects = gathering.tally, sum(self._effects.values(), Effects())
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
