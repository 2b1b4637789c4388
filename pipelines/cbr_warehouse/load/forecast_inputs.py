"""Reads the inputs of a load's forecast from ledgers and tables."""

from collections.abc import Collection
from dataclasses import replace

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.extract.forecast import (
    Basis,
    Expected,
    Forecast,
    ForecastInputs,
    first_day_needed,
    forecast_load,
)
from cbr_warehouse.extract.plan import Plan
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.inventory_due import expect_inventory
from cbr_warehouse.raw.ledgers import (
    SweepEntry,
    read_audits,
    read_hidden_providers,
    read_loads_summary,
    read_sweeps,
)
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.tables.stored_tasks import FollowedTask, read_time_index, tasks_to_follow
from cbr_warehouse.verify.fallback_queries import expected_sweeps

USUAL_SIZES = (1000, 500, 200, 100, 50, 20, 10)
"""Usual maximum page sizes of servers, largest first."""


def expect_load(
    context: LoadContext, source: SourceSettings, plan: Plan, followed: Collection[FollowedTask] | None = None
) -> Forecast:
    """Forecasts a load of a source from its ledgers and tables.

    Args:
        context: The load's dependencies.
        source: The source.
        plan: The load's plan.
        followed: The stored tasks that it follows; read from the tables if None.
    """
    directory, name, now = context.directory, source.name, context.clock()
    loads = read_loads_summary(directory, name)
    done = loads.last_done
    audits = read_audits(directory, name)
    # The last one may have read too little to show how large pages are.
    last = frozenset(load.load_id for load in (done, loads.last_deep) if load)
    page_rows = guess_page_rows(read_sweeps(directory, name, last))
    if followed is None:
        followed = tasks_to_follow(directory, name, plan.due).values()
    retries = expected_sweeps(plan, audits, page_rows)
    inputs = ForecastInputs(
        now=now,
        stored=read_time_index(directory, name, first_day_needed(plan, now, audits, followed, retries)),
        counted={day: entry.counted for day, entry in audits.items() if entry.counted is not None},
        states={day: DayState(entry.state) for day, entry in audits.items()},
        last_load_at=done.started_at if done else None,
        followed=tuple(followed),
        page_rows=page_rows,
        projects=max(1, len(source.enterprise_project_ids)),
        hidden=len(read_hidden_providers(directory, name)),
        audits=audits,
        retries=retries,
    )
    inventory = Expected(0, expect_inventory(directory, source, now), Basis.HELD)
    return replace(forecast_load(plan, inputs), inventory=inventory)


def guess_page_rows(sweeps: list[SweepEntry]) -> int:
    """Infers how many rows a source returns per page from the sweeps of a load.

    Args:
        sweeps: The ledger entries of the sweeps; none before the first load.

    Returns:
        The largest usual page size that is consistent with the numbers of pages and records.
    """
    lower = max((sweep.records / sweep.pages for sweep in sweeps if sweep.pages), default=0.0)
    # All pages but the last are full.
    upper = min(
        ((sweep.records - 1) / (sweep.pages - 1) for sweep in sweeps if sweep.pages > 1), default=None
    )
    if upper is None:
        return USUAL_SIZES[0]
    return next((size for size in USUAL_SIZES if lower <= size <= upper), max(1, round(lower)))
