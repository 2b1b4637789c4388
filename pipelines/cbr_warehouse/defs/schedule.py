"""The job ``load`` and its schedule: what ``cbr-warehouse load`` does, one run for each source.

The runs of the schedule load a source and record its tables; ``publication`` publishes after them.

A missed tick loses nothing: the plan of the next run includes every day that is due. So a tick skips a
source whose last run is not over, instead of queueing a second run behind it.
"""

from collections.abc import Iterator
from datetime import UTC

import dagster as dg

from cbr_warehouse.defs.accounts import present_sources
from cbr_warehouse.defs.analytics import materialized_definitions
from cbr_warehouse.defs.asset_keys import (
    LOAD_JOB,
    LOAD_SCHEDULE,
    SOURCE_TAG,
    analytics_key,
    raw_key,
    table_key,
    warehouse_key,
)
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.unfinished_runs import reason_to_wait
from cbr_warehouse.tables.partition_writer import PARTITIONED


def load_schedule(installation: Installation) -> dg.Definitions:
    """The job, and its schedule, which is on by default: what is not loaded within retention is lost.

    Args:
        installation: The installation.
    """
    raw = [raw_key(source.name) for source in installation.settings.sources]
    tables = [table_key(table) for table in PARTITIONED]
    downstream = [warehouse_key(table.name) for table in installation.load_context.contract.tables]
    downstream += [analytics_key(definition.name) for definition in materialized_definitions()]
    job = dg.define_asset_job(
        LOAD_JOB,
        # By name, not all: a deployment may have other assets beside these.
        selection=dg.AssetSelection.assets(*raw, *tables, *downstream),
        description=(
            "Does what the command `cbr-warehouse load` does. Run for today's partition, it also loads every "
            "earlier day that is due by its plan; run for an earlier partition, that day."
        ),
    )

    @dg.schedule(
        name=LOAD_SCHEDULE,
        job=job,
        cron_schedule=installation.settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Starts one run for each source whose last run is over; it loads all days that are due.",
    )
    def due(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        tick = context.scheduled_execution_time.astimezone(UTC)
        directory, now = installation.load_context.directory, installation.load_context.clock()
        waiting = []
        present = present_sources(installation)
        for source in present:
            run_key = f"{source} {tick.isoformat()}"
            if reason := reason_to_wait(context.instance, directory, source, now, run_key):
                context.log.info("%s; no other is started for it", reason)
                waiting.append(reason)
                continue
            yield dg.RunRequest(
                run_key=run_key,
                partition_key=tick.date().isoformat(),
                asset_selection=[raw_key(source), *tables],
                tags={SOURCE_TAG: source},
            )
        if len(waiting) == len(present):
            yield dg.SkipReason("; ".join(waiting) or "No project of the accounts is there any more.")

    return dg.Definitions(jobs=[job], schedules=[due])
