"""Unfinished runs: which of them a tick or a publication waits for, and which died with their process.

Dagster's launcher cannot tell that a run whose machine was restarted is dead: the run stays STARTED, and with
it its place in the queue and its pool. The locks of the data directory can tell, since they die with their
holder: a run that loads a source holds the lock of that source, and one that writes tables or the warehouse
holds the lock of the directory.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import dagster as dg

from cbr_warehouse.defs.asset_keys import LOAD_JOB, PUBLISH_JOB, SOURCE_TAG
from cbr_warehouse.defs.own_runs import is_of_location
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import describe_holder

SILENCE = timedelta(minutes=3)
"""How long a living run may log nothing while it holds no lock; its steps without one take seconds."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def reason_to_wait(
    instance: dg.DagsterInstance, directory: DataDirectory, source: str, now: datetime
) -> str | None:
    """Why a tick must not start another run of a source; None if it may.

    Runs that died are marked as failed first, so that they hold neither a slot nor a pool any more.

    Args:
        instance: The instance, whose runs are looked at.
        directory: The data directory.
        source: Name of the source.
        now: The present, UTC.
    """
    if holder := describe_holder(directory.source_lock(source)):
        return f"{source}: {holder} is running"
    own = dg.RunsFilter(job_name=LOAD_JOB, tags={SOURCE_TAG: source}, statuses=UNFINISHED)
    found = _first_alive(instance, instance.get_runs(own), directory, now)
    return None if found is None else f"{source}: run {found.run_id} is not over"


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


def _first_alive(
    instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], directory: DataDirectory, now: datetime
) -> dg.DagsterRun | None:
    """The first run whose process is not known to have died; those before it are marked as failed."""
    is_writing = describe_holder(directory.lock) is not None
    for run in runs:
        if is_writing or not _is_dead(instance, run, now):
            return run
        instance.report_run_failed(
            run,
            f"The process of this run ended without a word: it holds no lock of {directory.root}, and has "
            f"logged nothing for {SILENCE}. Nothing is lost; the next run does what it did not.",
        )
    return None


def _is_dead(instance: dg.DagsterInstance, run: dg.DagsterRun, now: datetime) -> bool:
    """Whether a run that holds no lock has been silent for too long.

    One that is still queued is not: it waits for a slot, which the daemon gives it.
    """
    if run.status in {dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED}:
        return False
    logged = [entry.timestamp for entry in instance.all_logs(run.run_id)]
    return bool(logged) and now.timestamp() - max(logged) > SILENCE.total_seconds()
