"""The job ``publish`` and the sensor that starts it: one publication for all loads of a tick.

The runs of the schedule load one source each. As soon as they have ended, one run publishes the warehouse,
runs the checks and, once a day, counts the rows of the analytics; where none of them had news, they have
published themselves what changed nevertheless (``quiet_loads``). A source that takes long does not hold back
the others: they are published without it, and it is published afterwards, as ``cbr-warehouse load`` does.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from cbr_warehouse.defs.analytics import materialized_definitions
from cbr_warehouse.defs.asset_keys import (
    LOAD_JOB,
    PUBLISH_JOB,
    PUBLISH_SENSOR,
    SOURCE_TAG,
    analytics_key,
    warehouse_key,
)
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.own_runs import is_of_location, location_of
from cbr_warehouse.defs.quiet_loads import is_counted_on, is_quiet
from cbr_warehouse.defs.unfinished_runs import (
    ENDED,
    UNFINISHED,
    fail_dead_runs,
    reason_to_wait_for_publication,
)

INTERVAL_SECONDS = 4
"""How often the sensor looks for loads that have ended: whenever Dagster's daemon does, which is every five
seconds. Of what is a multiple of them, it would leave out a look whenever that comes a little early.
"""

SOON = timedelta(seconds=20)
"""A load that has ended is published this soon although others of its tick go on."""

RETRY = timedelta(minutes=10)
"""How long after a failed publication the next one is tried; loads that end meanwhile do not hasten it."""

_PAGE = 20
_OVERLAP = timedelta(minutes=1)
"""How long after a load has ended its row may come to be seen."""

_LOOK_BACK = timedelta(days=2)
"""Loads that ended before are not looked for if nothing was ever published."""


def publication(installation: Installation) -> dg.Definitions:
    """The job, and its sensor, which is on by default: without it nothing that is loaded is published.

    Args:
        installation: The installation.
    """
    warehouse = [warehouse_key(table.name) for table in installation.load_context.contract.tables]
    analytics = [analytics_key(definition.name) for definition in materialized_definitions()]
    job = dg.define_asset_job(
        PUBLISH_JOB,
        selection=dg.AssetSelection.assets(*warehouse, *analytics),
        description=(
            "Publishes the warehouse from the tables of all sources, checks it and counts the analytics."
        ),
    )

    @dg.sensor(
        name=PUBLISH_SENSOR,
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Starts the job {PUBLISH_JOB} when the loads of a tick have ended, or {SOON.seconds} seconds "
            "after the first of them has; the analytics are counted with the first publication of a day."
        ),
    )
    def after_loads(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = datetime.now(UTC)  # Dagster's own: it is compared with the times of its runs
        location, directory = location_of(context), installation.load_context.directory
        fail_dead_runs(context.instance, directory, now, location)
        reason = reason_to_wait_for_publication(
            context.instance, directory, now, location
        ) or _reason_not_due(context, now, location)
        if reason is not None:
            return dg.SkipReason(reason)
        return dg.RunRequest(
            asset_selection=warehouse if is_counted_on(context.instance, now) else [*warehouse, *analytics],
            tags={"dagster/priority": "10"},  # not behind the loads of many sources in the queue
        )

    return dg.Definitions(jobs=[job], sensors=[after_loads])


def _reason_not_due(context: dg.SensorEvaluationContext, now: datetime, location: str | None) -> str | None:
    """Why nothing is to be published yet; None if a publication is due."""
    instance = context.instance
    last = _last_publication(instance, None, location)
    done = _last_publication(instance, dg.DagsterRunStatus.SUCCESS, location)
    # A load that ends while the warehouse is built may not be in it.
    since = _created(done) if done else now - _LOOK_BACK
    if context.cursor:  # the loads before had no news; most hours may have none for a day
        since = max(since, datetime.fromisoformat(context.cursor))
    filters = dg.RunsFilter(job_name=LOAD_JOB, statuses=ENDED, updated_after=since - timedelta(seconds=1))
    loads = [
        record
        for record in instance.get_run_records(filters)
        if _is_load(record.dagster_run, location) and record.end_time and record.end_time > since.timestamp()
    ]
    ended = [record.end_time for record in loads if record.end_time and not is_quiet(record.dagster_run)]
    if not ended:
        context.update_cursor((now - _OVERLAP).isoformat())
        which = "None of the loads that have" if loads else "No load has"
        return f"{which} ended since the last publication{' had news' if loads else ''}."
    if last and last.dagster_run.status is not dg.DagsterRunStatus.SUCCESS and now - _created(last) < RETRY:
        return f"The last publication failed (run {last.dagster_run.run_id}); the next is tried soon."
    loading = [
        run.tags[SOURCE_TAG]
        for run in instance.get_runs(dg.RunsFilter(job_name=LOAD_JOB, statuses=UNFINISHED))
        if _is_load(run, location)
    ]
    # Where publishing takes long, no more than half of the time is spent with it.
    pause = max(SOON.total_seconds(), _seconds(done))
    if loading and now.timestamp() - min(ended) < pause:
        return f"Still loading: {', '.join(sorted(loading))}."
    return None


def _is_load(run: dg.DagsterRun, location: str | None) -> bool:
    return SOURCE_TAG in run.tags and is_of_location(run, location)


def _last_publication(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus | None, location: str | None
) -> dg.RunRecord | None:
    """The newest run of the job of this code location; others may have one of this name."""
    filters = dg.RunsFilter(job_name=PUBLISH_JOB, statuses=None if status is None else [status])
    cursor = None
    while page := instance.get_run_records(filters, limit=_PAGE, cursor=cursor):
        for record in page:
            if is_of_location(record.dagster_run, location):
                return record
        cursor = page[-1].dagster_run.run_id
    return None


def _created(record: dg.RunRecord) -> datetime:
    return record.create_timestamp.replace(tzinfo=UTC)


def _seconds(record: dg.RunRecord | None) -> float:
    if record is None or record.start_time is None or record.end_time is None:
        return 0.0
    return record.end_time - record.start_time
