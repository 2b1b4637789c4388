"""Reads the state of a source, which the planner needs, from its ledgers."""

from datetime import date, datetime

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.extract.plan import Purpose, SourceState
from cbr_warehouse.raw.ledger_order import CLOCK_TOLERANCE
from cbr_warehouse.raw.ledgers import LoadEntry, read_audits, read_loads, read_sweeps
from cbr_warehouse.storage.layout import DataDirectory


def read_source_state(directory: DataDirectory, source: str, present: datetime | None = None) -> SourceState:
    """Reads what earlier loads found out about a source.

    Args:
        directory: The data directory.
        source: Name of the source.
        present: The present, UTC, if the source confirmed it; else None. Loads and audits dated after it
            were made while this machine's clock was ahead: they are ignored, and their work is repeated.
    """
    loads = [
        load
        for load in read_loads(directory, source)
        if present is None or load.started_at <= present + CLOCK_TOLERANCE
    ]
    audits = read_audits(directory, source, present)
    done = [load for load in loads if load.purpose != Purpose.RANGE and load.outcome == "done"]
    deep = [load for load in done if load.purpose == Purpose.DEEP]
    sweeps = read_sweeps(directory, source, _unfinished(loads))
    return SourceState(
        states={day: DayState(entry.state) for day, entry in audits.items()},
        first_load_at=loads[0].started_at if loads else None,
        requested_from=_first_requested_day(loads),
        last_load_at=done[-1].started_at if done else None,
        last_deep_at=deep[-1].started_at if deep else None,
        landed={(sweep.start, sweep.end): sweep.finished_at for sweep in sweeps if sweep.end is not None},
    )


def _first_requested_day(loads: list[LoadEntry]) -> date | None:
    return min(
        (day_of(load.since) for load in loads if load.purpose != Purpose.RANGE and load.since), default=None
    )


def _unfinished(loads: list[LoadEntry]) -> frozenset[str]:
    """Ids of the loads since the last finished one, which were killed or failed; their windows count."""
    outcomes = [load.outcome for load in loads]
    since = len(outcomes) - outcomes[::-1].index("done") if "done" in outcomes else 0
    return frozenset(load.load_id for load in loads[since:])
