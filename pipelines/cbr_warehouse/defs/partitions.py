"""The daily partitions of ``raw`` and ``tables``, and the partitions of a run.

All assets share one partitions definition, although each source begins with its own first load:
Dagster refuses to run assets of different ones together, and a source's load is followed by
tables and warehouse in one run. For a source added later, the days before it are shown as missing.
"""

from dataclasses import dataclass
from datetime import date

import dagster as dg

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.utc_days import day_of, start_of
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.extract.plan import Purpose
from cbr_warehouse.raw.ledgers import iterate_loads
from cbr_warehouse.storage.layout import DataDirectory

BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=10)
"""A month takes four runs: few enough to be quick, and a failure affects at most ten days."""


def partition_days(installation: Installation) -> dg.DailyPartitionsDefinition:
    """UTC days from the first one loaded until today, today included.

    The first load determines the first day, so it is read from the ledger of loads. For a source without a
    planned load, it is the first day that its first load will request.

    Args:
        installation: The installation.
    """
    present, directory = installation.load_context.clock(), installation.load_context.directory
    planned = {source: _planned_days(directory, source) for source in directory.sources_with_raw()}
    days = [day for found in planned.values() for day in found.days]
    days += [
        day_of(present - source.history)
        for source in installation.settings.sources
        if source.name not in planned or not planned[source.name].is_planned
    ]
    start = min(days, default=day_of(present - RETENTION))
    return dg.DailyPartitionsDefinition(start_of(start), end_offset=1, timezone="UTC")


def own_days(context: dg.AssetExecutionContext) -> tuple[date, ...]:
    """The partitions that a run was launched for.

    Raises:
        Failure: It was launched without a partition.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        raise dg.Failure(
            "This run was launched without a partition. Choose a partition: the job load, run for today's, "
            "also loads every other day that is due.",
            allow_retries=False,
        )
    return tuple(date.fromisoformat(key) for key in context.partition_keys)


@dataclass(frozen=True)
class _PlannedDays:
    """First days of a source's loads, up to its first load that was not limited to a range."""

    days: tuple[date, ...]
    is_planned: bool


def _planned_days(directory: DataDirectory, source: str) -> _PlannedDays:
    days: list[date] = []
    for load in iterate_loads(directory, source):
        if not load.is_timed:
            continue  # a clock that no source confirmed must not move the first day
        if load.since is not None:
            days.append(day_of(load.since))
        if load.purpose != Purpose.RANGE:
            return _PlannedDays(tuple(days), is_planned=True)
    return _PlannedDays(tuple(days), is_planned=False)
