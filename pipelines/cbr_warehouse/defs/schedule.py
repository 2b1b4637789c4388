"""The job ``load`` and its schedule: what ``cbr-warehouse load`` does, for one source a run.

A tick that never came costs nothing: the next one's plan finds what is due by itself.
"""

from collections.abc import Iterator
from datetime import UTC

import dagster as dg

from cbr_warehouse.defs.analytics import described
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
from cbr_warehouse.tables.partitions import PARTITIONED


def scheduled_loading(site: Installation) -> dg.Definitions:
    """The job, and the schedule, which is on by itself: what is not loaded within retention is lost.

    Args:
        site: The installation.
    """
    job = dg.define_asset_job(
        LOAD_JOB,
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(report_key()),
        description=(
            "What the command `cbr-warehouse load` does. Run for today, it also loads every earlier day that "
            "is due, as its plan finds; run for an earlier day, that day."
        ),
    )
    downstream = [table_key(table) for table in PARTITIONED]
    downstream += [warehouse_key(table.name) for table in site.loading.contract.tables]
    downstream += [analytics_key(definition.name) for definition in described()]

    @dg.schedule(
        name=LOAD_SCHEDULE,
        job=job,
        cron_schedule=site.settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Loads each source by a run of its own, whatever days are due.",
    )
    def due(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        tick = context.scheduled_execution_time.astimezone(UTC)
        for source in site.settings.sources:
            yield dg.RunRequest(
                run_key=f"{source.name} {tick.isoformat()}",
                partition_key=tick.date().isoformat(),
                asset_selection=[raw_key(source.name), *downstream],
                tags={"cbr-warehouse/source": source.name},
            )

    return dg.Definitions(jobs=[job], schedules=[due])
