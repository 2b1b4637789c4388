"""What a run waited for before a step, in the log of the run: a free slot, its pool, or the time of a retry.

Waits within a step are logged where they happen: for a lock of the data directory by ``progress``, for the
limits of a source and between retries by the loggers of ``cbr_warehouse``, which ``dagster.yaml`` names.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

WORTH_TELLING = timedelta(seconds=30)
"""A run is started this long after it was requested without having waited for anything."""

_REPEATS = "dagster/parent_run_id"
"""Tag of a run that Dagster, or somebody in its UI, started in place of another one."""

_BLOCKED = "blocked by limit for pool"
_MOST_RUNS = 100


def log_waits(context: dg.AssetExecutionContext) -> None:
    """Logs what this run and this step waited for, since when and behind which runs, and which attempt it is.

    Args:
        context: The step, before it does anything.
    """
    logged = context.instance.all_logs(context.run.run_id)
    _log_attempt(context, logged)
    _log_pool(context, logged)
    if not any(entry.user_message.startswith("Waited ") for entry in logged):
        _log_queue(context)


def _log_attempt(context: dg.AssetExecutionContext, logged: Sequence[dg.EventLogEntry]) -> None:
    """Logs why and when the attempt before failed: of this step, or of the run that this one repeats."""
    if context.retry_number:
        failed = _of_step(context, logged, dg.DagsterEventType.STEP_UP_FOR_RETRY)
        why = f", at {_time(failed[-1].timestamp)}: {_error(failed[-1])}" if failed else "."
        context.log.info("Attempt %d: the one before failed%s", context.retry_number + 1, why)
    before = context.run.tags.get(_REPEATS)
    record = context.instance.get_run_record_by_id(before) if before else None
    if record is not None:
        ended = f", at {_time(record.end_time)}" if record.end_time else ""
        context.log.info("This run repeats run %s, which ended before it was done%s.", before, ended)


def _log_pool(context: dg.AssetExecutionContext, logged: Sequence[dg.EventLogEntry]) -> None:
    """Logs for how long the step waited for its pool, and which runs had it meanwhile.

    Dagster says at times that the step is blocked, never by whom. A pool is that of one step, whichever the
    run: who had it ran that step at some time between the event before, and the beginning of this one.
    """
    begun = _of_step(context, logged, dg.DagsterEventType.STEP_START)
    if not begun or context.retry_number:
        return
    until = begun[-1].timestamp
    before = [entry for entry in logged if entry.timestamp < until and _BLOCKED not in entry.message]
    since = max((entry.timestamp for entry in before), default=until)
    holders = [
        _described(record, step.start_time)
        for record in _runs_between(context, since, until)
        for step in context.instance.get_run_step_stats(record.dagster_run.run_id, [_step_of(context)])
        if step.start_time and step.start_time < until and (step.end_time or until) > since
    ]
    if not holders:
        return
    context.log.info(
        "Waited %.0f s for the pool %s, since %s. It was taken by: %s.",
        until - since,
        context.op_execution_context.op_def.pool,
        _time(since),
        ", ".join(holders),
    )


def _log_queue(context: dg.AssetExecutionContext) -> None:
    """Logs for how long the run was queued, and which runs ended when its turn came."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        return
    since, until = record.create_timestamp.replace(tzinfo=UTC).timestamp(), record.start_time
    if until - since < WORTH_TELLING.total_seconds():
        return
    ahead = [
        _described(other, other.start_time)
        for other in _runs_between(context, since, until)
        if other.start_time and (other.end_time or until) + 60 >= until
    ]
    context.log.info(
        "Waited %.0f s for a free slot, since %s. Running meanwhile: %s.",
        until - since,
        _time(since),
        ", ".join(ahead) or "no run that is still known",
    )


def _runs_between(context: dg.AssetExecutionContext, since: float, until: float) -> Iterator[dg.RunRecord]:
    """Other runs that ran at some time between two times."""
    filters = dg.RunsFilter(updated_after=datetime.fromtimestamp(since, UTC))
    for record in context.instance.get_run_records(filters, limit=_MOST_RUNS):
        is_other = record.dagster_run.run_id != context.run.run_id
        if is_other and record.start_time and record.start_time < until:
            yield record


def _of_step(
    context: dg.AssetExecutionContext, logged: Sequence[dg.EventLogEntry], kind: dg.DagsterEventType
) -> list[dg.EventLogEntry]:
    return [
        entry
        for entry in logged
        if entry.dagster_event
        and entry.dagster_event.event_type is kind
        and entry.step_key == _step_of(context)
    ]


def _step_of(context: dg.AssetExecutionContext) -> str:
    return context.op_execution_context.op_handle.name


def _error(entry: dg.EventLogEntry) -> str:
    """The message of a failed step: of a Dagster failure its own, not that it is one."""
    data = entry.dagster_event.step_retry_data if entry.dagster_event else None
    error = data.error if data else None
    while error is not None and error.cause is not None:
        error = error.cause
    return "unknown" if error is None else error.message.strip()


def _described(record: dg.RunRecord, since: float) -> str:
    run = record.dagster_run
    return f"{run.job_name} {run.run_id}, since {_time(since)}"


def _time(timestamp: float | None) -> str:
    return f"{datetime.fromtimestamp(timestamp or 0, UTC):%H:%M:%S} UTC"
