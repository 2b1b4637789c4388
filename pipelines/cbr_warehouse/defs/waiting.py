"""What a run waited for before its first step, in the log of the run: a free slot, or the time of a retry.

Waits within a step are logged where they happen: for a lock of the data directory by ``progress``, for the
limits of a source and between retries by the loggers of ``cbr_warehouse``, which ``dagster.yaml`` names.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

WORTH_TELLING = timedelta(seconds=30)
"""A run is started this long after it was requested without having waited for anything."""


def log_waits(context: dg.AssetExecutionContext) -> None:
    """Logs for how long, since when and behind which runs this run was queued, and which attempt this is.

    Args:
        context: The first step of the run.
    """
    if context.retry_number:
        context.log.info(
            "Attempt %d: the one before failed with a transient error of the source.",
            context.retry_number + 1,
        )
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        return
    queued = record.create_timestamp.replace(tzinfo=UTC)
    started = datetime.fromtimestamp(record.start_time, UTC)
    if started - queued < WORTH_TELLING:
        return
    ahead = ", ".join(_running_between(context, queued, started)) or "no run that is still known"
    context.log.info(
        "Waited %.0f s for a free slot, since %s UTC. Running meanwhile: %s.",
        (started - queued).total_seconds(),
        f"{queued:%H:%M:%S}",
        ahead,
    )


def _running_between(context: dg.AssetExecutionContext, since: datetime, until: datetime) -> Iterator[str]:
    for record in context.instance.get_run_records(dg.RunsFilter(updated_after=since), limit=100):
        ended = record.end_time or until.timestamp()
        is_other = record.dagster_run.run_id != context.run.run_id
        if is_other and record.start_time and record.start_time < until.timestamp() <= ended + 60:
            began = datetime.fromtimestamp(record.start_time, UTC)
            run = record.dagster_run
            yield f"{run.job_name} {run.run_id}, since {began:%H:%M:%S}"
