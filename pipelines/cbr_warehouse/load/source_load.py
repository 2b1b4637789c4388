"""The load of one source, from its plan to its tables; publication is the caller's.

Whatever goes wrong here is this source's failure and nobody else's: it is recorded, and returned
with the result instead of raised.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from typing import Any, TypeVar

from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import SourceError
from cbr_warehouse.extract.open_tasks import follow_tasks
from cbr_warehouse.extract.plan import Horizon, Plan, Purpose
from cbr_warehouse.extract.scopes import scopes_of, sweep_providers
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.json_log import add_log_ids, with_log_ids
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.describe_failure import describe_failure
from cbr_warehouse.load.forecast_inputs import expect_load
from cbr_warehouse.load.free_space import refuse_full_disk
from cbr_warehouse.load.locks import hold_directory
from cbr_warehouse.load.maintain import tidy_source
from cbr_warehouse.load.measure_lateness import measure_lateness
from cbr_warehouse.load.mend_tables import mend_tables, with_sound_tables
from cbr_warehouse.load.plan_source import plan_source
from cbr_warehouse.load.repair import Damage, find_and_set_aside
from cbr_warehouse.load.result import SourceResult
from cbr_warehouse.load.source_state import read_source_state, settle_of
from cbr_warehouse.load.store import commit_sources, hold_project
from cbr_warehouse.load.take_inventory import take_inventory
from cbr_warehouse.raw.damage import is_deep_load_required, note_deep_load
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledger_order import STAMP, next_load_id
from cbr_warehouse.raw.ledgers import (
    AuditFindings,
    LatenessFinding,
    LoadEntry,
    read_edited_at,
    read_hidden_providers,
    read_lateness,
    read_vanished,
    write_audit,
    write_load,
)
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.storage.layout import UNKNOWN_DAY
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.accounting import RecordOutcomes, refuse_unaccounted
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.engine import keep_engines
from cbr_warehouse.tables.stored_tasks import FollowedTask, count_edits, tasks_to_follow
from cbr_warehouse.verify.unwindowed_tasks import sweep_unwindowed
from cbr_warehouse.verify.verification import Verification
from cbr_warehouse.verify.verify_days import verify_days

logger = logging.getLogger(__name__)

T = TypeVar("T")


@without_pandas()
def load_source(context: LoadContext, ready: ReadySource, request: LoadRequest) -> SourceResult:
    """Loads one source up to its tables. The caller holds the source's lock and publishes afterwards.

    Args:
        context: The load's dependencies.
        ready: The source, with its credentials.
        request: The options of the load.

    Returns:
        The result; its ``failure`` is whatever exception ended the load.
    """
    load = _SourceLoad(context, ready, request)
    with with_log_ids(source=ready.settings.name), keep_engines(context.directory.root):
        try:
            return load.run()
        except Exception as error:  # noqa: BLE001  a source must not stop the others, whatever it raises
            return load.fail(error)


def fail_source(
    context: LoadContext, ready: ReadySource, request: LoadRequest, error: Exception
) -> SourceResult:
    """Records the failure of a load that could not even begin.

    Args:
        context: The load's dependencies.
        ready: The source, with its credentials.
        request: The options of the load.
        error: What prevented it.

    Returns:
        The result, as ``load_source`` returns it.
    """
    return _SourceLoad(context, ready, request).fail(error)


_NOTHING_RECEIVED: dict[str, Any] = dict.fromkeys(
    ("records", "new", "changed", "superseded", "repeats", "quarantined"), 0
)


class _SourceLoad:
    """One load of one source, and what is known of it so far."""

    def __init__(self, context: LoadContext, ready: ReadySource, request: LoadRequest) -> None:
        self._context = context
        self._directory = context.directory
        self._ready = ready
        self._source = ready.settings
        self._name = ready.settings.name
        self._request = request
        self._clock = SourceClock(context.clock, self._name)
        # Made without the disk, so that a failure can always be recorded; ``run`` puts it in sequence.
        started_at = context.clock()
        self._entry = LoadEntry(
            load_id=f"{started_at:{STAMP}}-{context.new_id().hex[:8]}",
            source=self._name,
            started_at=started_at,
            purpose=_requested_purpose(request).value,
        )
        self._damage = Damage()
        self._kept: frozenset[str] = frozenset()
        self._outcomes: dict[str, RecordOutcomes] = {}
        self._sweeps: SweepRunner | None = None
        self._followed: dict[str, FollowedTask] = {}

    def run(self) -> SourceResult:
        """Plans, extracts, builds the tables and verifies the days.

        Raises:
            Exception: Whatever went wrong; ``fail`` records it.
        """
        refuse_full_disk(self._directory, self._name, now=self._entry.started_at)
        with hold_project(self._context, self._source), self._context.connect(self._ready) as client:
            failure = self._read_source_time(client)
            plan = self._plan()
            self._note_start(plan)
            if failure is not None:
                self._entry = replace(self._entry, **_traffic(client), **_NOTHING_RECEIVED)
                raise failure
            verified = self._extract(plan, client)
            # Last, so that whatever becomes of it the tasks are landed, verified and in the tables.
            inventory = self._take_inventory(client)
        self._entry = replace(self._summary(), outcome="done")
        write_load(self._directory, self._entry)
        if plan.purpose is Purpose.DEEP:
            note_deep_load(self._directory, self._name)
        tidy_source(self._context, self._name, self._clock.now(), self._settle)
        self._context.progress.finish(self._name)
        return SourceResult(
            self._entry,
            incomplete=verified.incomplete,
            newly_lost=verified.newly_lost,
            unverified=verified.unverified,
            beyond_retention=verified.beyond_retention,
            newly_beyond=verified.newly_beyond,
            quarantined=verified.quarantined,
            read=plan.read,
            findings=verified.entries,
            damage=self._damage,
            kept=tuple(sorted(self._kept)),
            inventory=inventory,
        )

    def _take_inventory(self, client: CbrClient) -> Snapshot | None:
        """Asks for the inventory, if that is configured and due."""
        now, progress = self._clock.now(), self._context.progress
        return take_inventory(self._directory, self._source, client, self._entry.load_id, now, progress)

    def _put_in_sequence(self) -> None:
        """Gives the load its time, and an id that sorts after those of all earlier loads."""
        started_at = self._clock.now()
        unique = self._entry.load_id.rpartition("-")[2]
        load_id = next_load_id(self._directory, self._name, started_at, unique)
        self._entry = replace(self._entry, load_id=load_id, started_at=started_at)
        add_log_ids({"load": load_id})

    def _read_source_time(self, client: CbrClient) -> SourceError | None:
        """Compares the clocks before anything is planned; from then on the load goes by the source's time.

        Returns:
            What the source failed with: the load is planned and noted all the same, before it fails.
        """
        try:
            self._clock.observe(client.list_tasks(scopes_of(self._source, ())[0], limit=1, offset=0))
        except SourceError as error:
            return error
        finally:
            self._put_in_sequence()
        self._context = replace(self._context, clock=self._clock.now)
        return None

    def fail(self, error: Exception) -> SourceResult:
        """Records that the load failed; what landed before its source failed goes into the tables."""
        logger.debug("%s: the load failed", self._name, exc_info=error)
        self._context.progress.fail(self._name)
        if isinstance(error, SourceError):
            try:
                self._make_tables()
            except Exception as second:
                logger.debug("%s: its tables could not be built", self._name, exc_info=second)
                error = second
        with suppress(Exception):  # the numbers are less than the reason
            self._entry = self._summary()
        message = describe_failure(error, self._ready.credentials)
        self._entry = replace(self._entry, outcome="failed", message=message)
        with suppress(Exception):  # a full disk, say, of which the message speaks already
            write_load(self._directory, self._entry)
        with suppress(Exception):  # the failure that is reported is the load's
            tidy_source(self._context, self._name, self._clock.now(), self._settle)
        return SourceResult(self._entry, damage=self._damage, kept=tuple(sorted(self._kept)), failure=error)

    def _plan(self) -> Plan:
        """Plans the load; days of damaged or missing raw files are planned to be fetched again."""
        request, now = self._request, self._entry.started_at
        confirmed = self._clock.is_confirmed
        plan = plan_source(self._directory, self._source, request, now, is_confirmed=confirmed)
        self._damage = find_and_set_aside(self._directory, self._name, self._entry.load_id, plan, self._clock)
        is_due = is_deep_load_required(self._directory, self._name)
        days = frozenset(date.fromisoformat(day) for day in self._damage.set_aside if day != UNKNOWN_DAY)
        if not days and not is_due:
            return plan
        request = replace(request, deep=request.deep or is_due)
        return plan_source(
            self._directory, self._source, request, now, is_confirmed=confirmed, read_again=days
        )

    def _note_start(self, plan: Plan) -> None:
        """Writes the load into the ledger; until its end it counts as interrupted.

        A deep load verifies all partitions before, any other those that turn out to be unreadable.
        """
        if plan.purpose is Purpose.DEEP:
            mend_tables(self._context, self._name)
        read = partial(tasks_to_follow, self._directory, self._name, plan.due)
        self._followed = self._with_sound_tables(read)
        expect = partial(expect_load, self._context, self._source, plan, self._followed.values())
        expected = self._with_sound_tables(expect)
        self._entry = replace(
            self._entry,
            purpose=plan.purpose.value,
            since=plan.since,
            until=plan.until,
            expected_requests=expected.requests,
            expected_records=expected.records,
        )
        write_load(self._directory, self._entry)

    def _extract(self, plan: Plan, client: CbrClient) -> Verification:
        """Sweeps, follows open tasks, builds tables, verifies the days and notes the findings.

        Raises:
            SourceError: The source failed; what landed before stays.
        """
        load_id, progress = self._entry.load_id, self._context.progress
        landing = Landing(
            self._directory,
            self._name,
            load_id,
            validator=RecordValidator(self._context.contract),
            contract=self._context.contract.fingerprint,
        )
        followed = self._tasks_to_follow() if plan.follow_open else {}
        landing.watch(followed)
        scopes = scopes_of(self._source, read_hidden_providers(self._directory, self._name))
        self._sweeps = sweeps = SweepRunner(
            client, landing, self._directory, self._name, load_id, self._clock, scopes
        )
        progress.step(self._name, "tasks received", is_counted=True)
        hidden = sweep_providers(sweeps, plan, self._advance)
        sweep_unwindowed(sweeps, plan, self._advance)
        vanished = follow_tasks(sweeps, followed, self._advance)
        # Of a directory in a store: what was received survives this machine from here on.
        commit_sources(self._context, (self._name,))
        self._with_sound_tables(self._make_tables)
        progress.step(self._name, "completeness checked")
        horizon = Horizon(self._source.history, self._settle)
        state = read_source_state(self._directory, self._name, self._clock.confirmed_now())
        verify = partial(verify_days, sweeps, horizon, state, plan, self._make_tables)
        verified = self._with_sound_tables(verify)
        findings = AuditFindings(
            verified.entries,
            vanished,
            hidden,
            self._clock.now(),
            self._clock.is_confirmed,
            self._last_edit(),
            self._lateness(plan),
        )
        write_audit(self._directory, self._name, load_id, findings)
        return verified

    def _last_edit(self) -> datetime | None:
        """When a load last saw that a task had changed after its end: this one, or an earlier one."""
        changed = [day for day, outcomes in self._outcomes.items() if outcomes.changed + outcomes.superseded]
        count = partial(count_edits, self._directory, self._name, changed, self._entry.started_at)
        if self._with_sound_tables(count):
            return self._entry.started_at
        return read_edited_at(self._directory, self._name)

    @cached_property
    def _settle(self) -> timedelta:
        """How long after its end a task may still change."""
        return settle_of(self._directory, self._source).duration

    def _lateness(self, plan: Plan) -> LatenessFinding | None:
        """How late tasks appear and change: measured by deep loads, which read everything anyway."""
        known = read_lateness(self._directory, self._name)
        if plan.purpose is not Purpose.DEEP:
            return known
        context, now = self._context, self._clock.now()
        measure = partial(measure_lateness, self._directory, self._entry, context.analytics, now)
        return self._with_sound_tables(measure) or known

    def _advance(self, amount: int = 1) -> None:
        self._context.progress.advance(self._name, amount)

    def _tasks_to_follow(self) -> dict[str, FollowedTask]:
        """Stored tasks that may still change: each must come with a sweep or is requested by its id."""
        vanished = read_vanished(self._directory, self._name)
        return {task_id: task for task_id, task in self._followed.items() if task_id not in vanished}

    def _make_tables(self) -> None:
        """Brings the tables up to what landed, except days of which raw lacks something."""
        self._context.progress.step(self._name, "days rebuilt", is_counted=True)
        if self._sweeps is not None:
            self._sweeps.landing.forget()
        with hold_directory(self._context, f"tables of {self._name}"):
            made = make_tables(
                self._directory,
                self._name,
                self._context.contract,
                load_id=self._entry.load_id,
                progress=self._context.progress.counter(self._name),
                runner=self._context.runner,
            )
        self._kept = made.kept
        self._outcomes |= made.effects  # a day built again in one load reports all its records again
        if self._sweeps is not None:
            # Landing counted independently what it filed; days kept as they are come with a later load.
            filed = self._sweeps.counters.distinct
            followed = dict.fromkeys(set(filed) - made.kept, RecordOutcomes()) | self._outcomes
            refuse_unaccounted(self._name, filed, followed)

    def _with_sound_tables(self, step: Callable[[], T]) -> T:
        return with_sound_tables(self._context, self._name, step, self._make_tables)

    def _summary(self) -> LoadEntry:
        """The load's entry with its numbers so far."""
        entry = replace(self._entry, finished_at=self._context.clock())
        if self._sweeps is None:
            return entry
        counters, outcomes = self._sweeps.counters, sum(self._outcomes.values(), RecordOutcomes())
        known_texts = counters.records - counters.distinct.total()
        return replace(
            entry,
            **_traffic(self._sweeps.client),
            records=counters.records,
            new=outcomes.new,
            changed=outcomes.changed,
            superseded=outcomes.superseded,
            # The same facts in another notation are a repeat, though their text is new.
            repeats=known_texts + outcomes.reprinted,
            quarantined=outcomes.quarantined,
        )


def _traffic(client: CbrClient) -> dict[str, Any]:
    return {
        "requests": client.requests_made,
        "rate_limited": client.rate_limited_requests,
        "received_bytes": client.received_bytes,
    }


def _requested_purpose(request: LoadRequest) -> Purpose:
    if request.range is not None:
        return Purpose.RANGE
    return Purpose.DEEP if request.deep else Purpose.INCREMENTAL
