"""The job that keeps Dagster's own store bounded, and its daily schedule.

The data directory is none of its concern: what a source delivered is kept for ever.
"""

import dagster as dg

from cbr_warehouse.defs.asset_keys import (
    ACCOUNTS_SCHEDULE,
    FAILED_CHECKS_SENSOR,
    FAILED_RUNS_SENSOR,
    LOAD_SCHEDULE,
    PUBLISH_SENSOR,
    REPORT_SCHEDULE,
    RETENTION_JOB,
    RETENTION_SCHEDULE,
    named,
)
from cbr_warehouse.defs.dagster_store import remove_old
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.own_runs import is_own_run, location_of_run

AT_NIGHT = "17 3 * * *"
"""When old runs are removed, in UTC: between the ticks of an hourly schedule."""

OWN_TICKS = frozenset(
    {
        ACCOUNTS_SCHEDULE,
        LOAD_SCHEDULE,
        PUBLISH_SENSOR,
        REPORT_SCHEDULE,
        RETENTION_SCHEDULE,
        FAILED_RUNS_SENSOR,
        FAILED_CHECKS_SENSOR,
    }
)


def retention(installation: Installation) -> dg.Definitions:
    """The job, and its schedule, which is on by default: without it the store grows by gigabytes a year.

    Args:
        installation: The installation.
    """
    keep = installation.settings.keep_runs

    @dg.op(
        name=named("remove_old"),
        description=f"Removes runs, events, logs and ticks older than {keep.days} days.",
    )
    def remove(context: dg.OpExecutionContext) -> None:
        from cbr_warehouse.defs.dagster_ticks import remove_old_ticks  # by the step: slow to import

        before = installation.load_context.clock() - keep
        location = location_of_run(context.run)
        removed = remove_old(context.instance, before, lambda run: is_own_run(run, location))
        logs = remove_old_ticks(context.instance, OWN_TICKS, before, location)
        context.log.info(
            "Removed %d runs that ended before %s with %d records, and logs of %d ticks. The newest record "
            "of each partition and the newest result of each check are kept.",
            removed.runs,
            before.date(),
            removed.records,
            logs,
        )

    @dg.job(
        name=RETENTION_JOB,
        description="Removes what is old from Dagster's own store, as far as it is of this code location.",
        executor_def=dg.in_process_executor,
    )
    def remove_old_runs() -> None:
        remove()

    schedule = dg.ScheduleDefinition(
        name=RETENTION_SCHEDULE,
        job=remove_old_runs,
        cron_schedule=AT_NIGHT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Removes what is older than {keep.days} days (keep_runs) every night.",
    )
    return dg.Definitions(jobs=[remove_old_runs], schedules=[schedule])
