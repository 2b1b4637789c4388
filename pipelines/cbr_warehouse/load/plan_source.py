"""Plans a load of one source from what its ledgers say, without requesting anything."""

from dataclasses import replace
from datetime import date, datetime

from cbr_warehouse.contract.utc_days import start_of
from cbr_warehouse.extract.plan import Horizon, Plan, plan_load
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.source_state import read_source_state, settle_of
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.without_pandas import without_pandas


@without_pandas()
def plan_source(
    directory: DataDirectory,
    source: SourceSettings,
    request: LoadRequest,
    now: datetime,
    *,
    is_confirmed: bool = False,
    read_again: frozenset[date] = frozenset(),
) -> Plan:
    """What a load of a source would request from its API, without requesting anything.

    Args:
        directory: The data directory.
        source: The source.
        request: The options of the load.
        now: The present, UTC.
        is_confirmed: Whether the source confirmed that time.
        read_again: Days whose windows are read though an interrupted load landed them.
    """
    state = read_source_state(directory, source.name, now if is_confirmed else None)
    landed = {
        (start, end): at
        for (start, end), at in state.landed.items()
        # Days may have shared a window.
        if not any(start and end and start <= start_of(day) < end for day in read_again)
    }
    state = replace(state, landed=landed)
    horizon = Horizon(source.history, settle_of(directory, source).duration)
    return plan_load(now, horizon, state, requested=request.range, deep=request.deep)
