"""Unfinished runs: which of them a tick or a publication waits for, and which died with their process.

Dagster's launcher cannot tell that a run whose machine was restarted is dead: the run stays STARTED, and with
it its place in the queue and its pool. Its process can tell (``run_process``) if it is a child of this code
server. Elsewhere the locks of the data directory can, since they die with their holder: a run that loads a
source holds the lock of that source, one that writes tables or the warehouse holds that of the directory.
Of a directory in a store, its leases tell the same of runs on other machines.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg

from cbr_warehouse.defs.asset_keys import LOAD_JOB, PUBLISH_JOB, SOURCE_TAG
from cbr_warehouse.defs.own_runs import is_of_location, is_own_run
from cbr_warehouse.defs.run_process import is_process_alive
from cbr_warehouse.load.store import directory_holder, source_holder
from cbr_warehouse.storage.layout import DataDirectory

SILENCE = timedelta(minutes=3)
"""How long a living run may log nothing while it holds no lock, where nothing is known of its process; its
steps without one take seconds."""

QUEUED_WITHIN = timedelta(minutes=1)
"""How long after it was created a run may take to be queued, which the daemon does at once."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_MAX_RETRIES = "dagster/max_retries"
_RUN_KEY = "dagster/run_key"
_GONE = "it does not exist any more"
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def reason_to_wait(
    instance: dg.DagsterInstance, directory: DataDirectory, source: str, now: datetime, run_key: str
) -> str | None:
    """Why a tick must not start another run of a source; None if it may.

    Runs that died are marked as failed first, so that they hold neither a slot nor a pool any more. Dagster
    does not start them again, since the tick does.

    A run that this very tick created and did not queue is not in its way: the daemon was killed between the
    two, evaluates the tick again, and queues that run if it is requested again. Failed, it would be taken for
    one that the tick has started, and the source would be loaded with the next tick.

    Args:
        instance: The instance, whose runs are looked at.
        directory: The data directory.
        source: Name of the source.
        now: The present, UTC.
        run_key: Key of the run that the tick requests.
    """
    if holder := source_holder(directory, source, now):
        return f"{source}: {holder} is running"
    own = dg.RunsFilter(job_name=LOAD_JOB, tags={SOURCE_TAG: source}, statuses=UNFINISHED)
    others = [run for run in instance.get_runs(own) if not _is_to_be_queued(run, run_key)]
    found = _first_alive(instance, others, directory, now, may_retry=False)
    return None if found is None else f"{source}: run {found.run_id} is not over"


def fail_dead_runs(
    instance: dg.DagsterInstance, directory: DataDirectory, now: datetime, location: str | None
) -> None:
    """Marks runs as failed that died with their process; Dagster starts them again, as the settings say.

    Between the ticks of the schedule: what a load brought would else be published an hour later, and a dead
    run of any job takes one of the few slots of the queue. Publications are left to
    ``reason_to_wait_for_publication``.

    Args:
        instance: The instance, whose runs are looked at.
        directory: The data directory.
        now: The present, UTC.
        location: Name of this code location; of other locations no run is touched. None if it is not known.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if run.job_name == PUBLISH_JOB or not is_own_run(run, location):
            continue
        source = run.tags.get(SOURCE_TAG)
        if source is None:
            # What it does may be long, silent and without a lock.
            logged = instance.all_logs(run.run_id)
            reason = _GONE if is_process_alive(run, logged, now) is False else None
        elif source_holder(directory, source, now) is not None:
            reason = None
        else:
            reason = _reason_dead(instance, run, directory, now)
        if reason is not None:
            _fail(instance, run, reason)


def reason_to_wait_for_publication(
    instance: dg.DagsterInstance, directory: DataDirectory, now: datetime, location: str | None
) -> str | None:
    """Why another publication must not be started; None if it may. Runs that died are marked as failed.

    Args:
        instance: The instance, whose runs are looked at.
        directory: The data directory.
        now: The present, UTC.
        location: Name of this code location, since others may have a job of this name; None if not known.
    """
    unfinished = instance.get_runs(dg.RunsFilter(job_name=PUBLISH_JOB, statuses=UNFINISHED))
    own = [run for run in unfinished if is_of_location(run, location)]
    found = _first_alive(instance, own, directory, now)
    return None if found is None else f"publication: run {found.run_id} is not over"


def _is_to_be_queued(run: dg.DagsterRun, run_key: str) -> bool:
    return run.status is dg.DagsterRunStatus.NOT_STARTED and run.tags.get(_RUN_KEY) == run_key


def _first_alive(
    instance: dg.DagsterInstance,
    runs: Iterable[dg.DagsterRun],
    directory: DataDirectory,
    now: datetime,
    *,
    may_retry: bool = True,
) -> dg.DagsterRun | None:
    """The first run whose process is not known to have died; those before it are marked as failed."""
    for run in runs:
        reason = _reason_dead(instance, run, directory, now)
        if reason is None or not _fail(instance, run, reason, may_retry=may_retry):
            return run
    return None


def _fail(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str, *, may_retry: bool = True) -> bool:
    """Marks a run that died as failed, and frees its pools; False if it has gone on since it was read."""
    # Its process may be gone because it has ended well since the run was read, which on a busy machine was
    # seconds ago. Or the daemon was started again, and has queued what it had created before.
    current = instance.get_run_by_id(run.run_id)
    if current is None or current.status not in UNFINISHED:
        return True
    if current.status is not run.status:
        return False
    if not may_retry:
        instance.add_run_tags(run.run_id, {_MAX_RETRIES: "0"})
    instance.report_run_failed(
        run,
        f"The process of this run ended without a word: {reason}. Nothing is lost; the next run does what "
        "it did not.",
    )
    if instance.event_log_storage.supports_global_concurrency_limits:
        # Dagster's monitoring does so too, a minute later, while the next run waits.
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return True


def _reason_dead(
    instance: dg.DagsterInstance, run: dg.DagsterRun, directory: DataDirectory, now: datetime
) -> str | None:
    """How it is known that a load or a publication has died; None of one that may be alive.

    One that is still queued is not dead: it waits for a slot, which the daemon gives it. One that the daemon
    created and did not queue before it was killed waits for nothing, and would be waited for for ever.
    """
    if run.status is dg.DagsterRunStatus.QUEUED:
        return None
    if run.status is dg.DagsterRunStatus.NOT_STARTED:
        record = instance.get_run_record_by_id(run.run_id)
        is_new = record is None or now - record.create_timestamp.replace(tzinfo=UTC) < QUEUED_WITHIN
        return None if is_new else "what created it ended before it was queued"
    logged = instance.all_logs(run.run_id)
    is_alive = is_process_alive(run, logged, now)
    if is_alive is False:
        return _GONE
    newest = max((entry.timestamp for entry in logged), default=now.timestamp())
    is_silent = now.timestamp() - newest > SILENCE.total_seconds()
    if is_alive or not is_silent or directory_holder(directory, now) is not None:
        return None
    return f"it holds no lock of {directory.root}, and has logged nothing for {SILENCE}"
