"""Reads the state of a source, which the planner needs, from its ledgers."""

from datetime import datetime

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.extract.plan import SourceState
from cbr_warehouse.extract.settle import Settle, choose_settle
from cbr_warehouse.raw.ledgers import (
    read_audits,
    read_edited_at,
    read_lateness,
    read_loads_summary,
    read_sweeps,
)
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.storage.layout import DataDirectory


def read_source_state(directory: DataDirectory, source: str, present: datetime | None = None) -> SourceState:
    """Reads what earlier loads found out about a source.

    Args:
        directory: The data directory.
        source: Name of the source.
        present: The present, UTC, if the source confirmed it; else None. Loads and audits dated after it
            were made while this machine's clock was ahead: they are ignored, and their work is repeated.
    """
    loads = read_loads_summary(directory, source, present)
    audits = read_audits(directory, source, present)
    sweeps = read_sweeps(directory, source, frozenset(loads.unfinished))
    return SourceState(
        states={day: DayState(entry.state) for day, entry in audits.items()},
        first_load_at=loads.first_at,
        requested_from=day_of(loads.requested_from) if loads.requested_from else None,
        last_load_at=loads.last_planned.started_at if loads.last_planned else None,
        last_deep_at=loads.last_deep.started_at if loads.last_deep else None,
        landed={(sweep.start, sweep.end): sweep.finished_at for sweep in sweeps if sweep.end is not None},
        audits=audits,
        edited_at=read_edited_at(directory, source),
    )


def settle_of(directory: DataDirectory, source: SourceSettings) -> Settle:
    """How long after its end a task of a source may still change, and where that comes from.

    Args:
        directory: The data directory.
        source: The source; what it configures needs no ledger.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    measured = read_lateness(directory, source.name) if source.settle is None else None
    return choose_settle(source.settle, measured)
