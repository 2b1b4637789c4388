"""The daily partitions of ``raw`` and ``tables``, and the days a run is about.

All assets share one partitions definition, though each source begins with a load of its own:
Dagster refuses to run assets of different ones together, and a source's load is followed by
tables and warehouse in one run. A younger source shows the days before it as missing.
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
"""A month takes four runs: few enough to be quick, and a failure costs at most ten days."""


def partition_days(site: Installation) -> dg.DailyPartitionsDefinition:
    """UTC days from the first one loaded until today, today included.

    The first day is fixed by the first load, so it is read from what loads wrote down. A source
    that no load has planned for yet counts with the days that its first one will ask for.

    Args:
        site: The installation.
    """
    present, directory = site.loading.clock(), site.loading.directory
    asked = {source: _first_asked(directory, source) for source in directory.sources_with_raw()}
    days = [day for found in asked.values() for day in found.days]
    days += [
        day_of(present - source.history)
        for source in site.settings.sources
        if source.name not in asked or not asked[source.name].is_planned
    ]
    start = min(days, default=day_of(present - RETENTION))
    return dg.DailyPartitionsDefinition(start_of(start), end_offset=1, timezone="UTC")


def own_days(context: dg.AssetExecutionContext) -> tuple[date, ...]:
    """The days that a run was launched for.

    Raises:
        Failure: It was launched without any.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        raise dg.Failure(
            "A run is about days, and this one was launched without. Choose a partition: that of today "
            "loads whatever is due if the job load runs it.",
            allow_retries=False,
        )
    return tuple(date.fromisoformat(key) for key in context.partition_keys)


@dataclass(frozen=True)
class _Asked:
    """First days of the first loads of a source, up to the first one that a plan found necessary."""

    days: tuple[date, ...]
    is_planned: bool


def _first_asked(directory: DataDirectory, source: str) -> _Asked:
    days: list[date] = []
    for load in iterate_loads(directory, source):
        if load.since is not None:
            days.append(day_of(load.since))
        if load.purpose != Purpose.RANGE:
            return _Asked(tuple(days), is_planned=True)
    return _Asked(tuple(days), is_planned=False)
