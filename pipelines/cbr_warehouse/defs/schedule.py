"""The job ``load`` and its schedule: what ``cbr-warehouse load`` does, one run for each source.

A missed tick loses nothing: the plan of the next run includes every day that is due.
"""

from collections.abc import Iterator
from datetime import UTC

import dagster as dg

from cbr_warehouse.defs.analytics import materialized_definitions
from cbr_warehouse.defs.asset_keys import (
    LOAD_JOB,
    LOAD_SCHEDULE,
    analytics_key,
    raw_key,
    report_key,
    table_key,
    warehouse_key,
)
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.tables.partition_writer import PARTITIONED


def load_schedule(installation: Installation) -> dg.Definitions:
    """The job, and its schedule, which is on by default: what is not loaded within retention is lost.

    Args:
        installation: The installation.
    """
    job = dg.define_asset_job(
        LOAD_JOB,
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(report_key()),
        description=(
            "Does what the command `cbr-warehouse load` does. Run for today's partition, it also loads every "
            "earlier day that is due by its plan; run for an earlier partition, that day."
        ),
    )
    downstream = [table_key(table) for table in PARTITIONED]
    downstream += [warehouse_key(table.name) for table in installation.load_context.contract.tables]
    downstream += [analytics_key(definition.name) for definition in materialized_definitions()]

    @dg.schedule(
        name=LOAD_SCHEDULE,
        job=job,
        cron_schedule=installation.settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Starts one run for each source, which loads all days that are due.",
    )
    def due(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        tick = context.scheduled_execution_time.astimezone(UTC)
        for source in installation.settings.sources:
            yield dg.RunRequest(
                run_key=f"{source.name} {tick.isoformat()}",
                partition_key=tick.date().isoformat(),
                asset_selection=[raw_key(source.name), *downstream],
                tags={"cbr-warehouse/source": source.name},
            )

    return dg.Definitions(jobs=[job], schedules=[due])
