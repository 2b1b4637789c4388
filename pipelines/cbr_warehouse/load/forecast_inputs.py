"""What a load is expected to take: gathers from ledgers and tables what the forecast is made of."""

from cbr_warehouse.extract.forecast import Forecast, Known, forecast_load
from cbr_warehouse.extract.plan import Plan
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.source_state import read_source_state
from cbr_warehouse.raw.ledgers import SweepEntry, read_audits, read_hidden_providers, read_loads, read_sweeps
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.tables.held_tasks import held_times, tasks_to_follow

USUAL_SIZES = (1000, 500, 200, 100, 50, 20, 10)
"""Page sizes that servers are set to, largest first."""


def expect_load(loading: LoadContext, source: SourceSettings, plan: Plan) -> Forecast:
    """What a load of a source will take, by all that is known before it.

    Args:
        loading: What to work with.
        source: The source.
        plan: The load's plan.
    """
    directory, name, now = loading.directory, source.name, loading.clock()
    done = [entry for entry in read_loads(directory, name) if entry.outcome == "done"]
    audits = read_audits(directory, name)
    since = min((*plan.audited, *audits), default=now.date())
    last = frozenset(entry.load_id for entry in done[-1:])
    known = Known(
        now=now,
        held=held_times(directory, name, since),
        counted={day: entry.counted for day, entry in audits.items() if entry.counted is not None},
        states=read_source_state(directory, name).states,
        last_load_at=done[-1].started_at if done else None,
        open_tasks=len(tasks_to_follow(directory, name, now)),
        page_rows=guess_page_rows(read_sweeps(directory, name, last)),
        projects=max(1, len(source.enterprise_project_ids)),
        hidden=len(read_hidden_providers(directory, name)),
    )
    return forecast_load(plan, known)


def guess_page_rows(sweeps: list[SweepEntry]) -> int:
    """How many rows a source gives at once, by what the sweeps of a load brought.

    Args:
        sweeps: The sweeps.

    Returns:
        The largest usual size that the numbers of pages and records allow.
    """
    least = max((sweep.records / sweep.pages for sweep in sweeps if sweep.pages), default=0.0)
    # All pages but the last are full.
    most = min(((sweep.records - 1) / (sweep.pages - 1) for sweep in sweeps if sweep.pages > 1), default=None)
    if most is None:
        return USUAL_SIZES[0]
    return next((size for size in USUAL_SIZES if least <= size <= most), max(1, round(least)))
