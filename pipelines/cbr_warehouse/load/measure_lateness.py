"""Measures from the tables and ledgers of a source how long its tasks may still change; deep loads do."""

import logging
from datetime import datetime

from cbr_warehouse.analytics.lateness import FinishedLoad, measure_settled
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.raw.ledgers import LatenessFinding, LoadEntry, iterate_loads
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.engine import (
    NotEnoughMemory,
    limit_memory,
    open_shared_engine,
    parquet,
    reading_tables,
    with_enough_memory,
)
from cbr_warehouse.tables.stored_tasks import VERSIONS

logger = logging.getLogger(__name__)


def measure_lateness(
    directory: DataDirectory, load: LoadEntry, settings: AnalyticsSettings, now: datetime
) -> LatenessFinding | None:
    """How long after its creation or end the last news of a task came, of tasks watched for long enough.

    Args:
        directory: The data directory.
        load: The deep load that measures it and has received everything.
        settings: The settings of the analytics.
        now: The present, UTC.

    Returns:
        The finding; None if no task can have been watched for long enough yet, or where so many tasks are
        stored that there is too little memory to measure them: no reason for the load to fail.

    Raises:
        StorageError: A ledger or a partition cannot be read.
    """
    source, since = load.source, load.started_at - settings.lateness_period
    loads = [
        FinishedLoad(one.source, one.load_id, one.purpose, one.started_at, one.finished_at)
        for one in iterate_loads(directory, source)
        if one.outcome == "done" and since <= one.started_at <= load.started_at
    ]
    if not any(one.started_at <= load.started_at - settings.lateness_watch for one in loads):
        return None
    loads.append(FinishedLoad(source, load.load_id, load.purpose, load.started_at, now))
    tasks, versions = (
        directory.partitions(table, source, day_of(since)) for table in (TASKS.table, VERSIONS)
    )
    if not tasks or not versions:
        return None
    with open_shared_engine(directory.root) as engine, reading_tables(directory):

        def measure(megabytes: int) -> LatenessFinding | None:
            limit_memory(engine, megabytes)
            found = measure_settled(engine, settings, loads, parquet(tasks), parquet(versions))
            return None if found is None else LatenessFinding(load.started_at, *found)

        try:
            return with_enough_memory(measure)
        except NotEnoughMemory as error:
            logger.warning(
                "%s: how late its tasks change was not measured (%s). The last measurement stays in effect.",
                source,
                str(error).splitlines()[0],
            )
            return None
