"""Reads what the planner needs to know of a source from its ledgers."""

from datetime import date, datetime

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.extract.plan import Purpose, SourceState
from cbr_warehouse.raw.ledger_order import CLOCK_TOLERANCE
from cbr_warehouse.raw.ledgers import LoadEntry, read_audits, read_loads, read_sweeps
from cbr_warehouse.storage.layout import DataDirectory


def read_source_state(directory: DataDirectory, source: str, present: datetime | None = None) -> SourceState:
    """What is known of a source, as far as a plan needs it.

    Args:
        directory: The data directory.
        source: Name of the source.
        present: The present, UTC, if the source confirmed it; else None. Loads and verdicts from after it
            were made by a clock that was ahead: they do not count, so that what they claimed is done again.
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
        asked_from=_asked_from(loads),
        last_load_at=done[-1].started_at if done else None,
        last_deep_at=deep[-1].started_at if deep else None,
        landed={(sweep.start, sweep.end): sweep.finished_at for sweep in sweeps if sweep.end is not None},
    )


def _asked_from(loads: list[LoadEntry]) -> date | None:
    return min(
        (day_of(load.since) for load in loads if load.purpose != Purpose.RANGE and load.since), default=None
    )


def _unfinished(loads: list[LoadEntry]) -> frozenset[str]:
    """Loads since the last finished one that were killed or failed: what they landed counts."""
    outcomes = [load.outcome for load in loads]
    since = len(outcomes) - outcomes[::-1].index("done") if "done" in outcomes else 0
    return frozenset(load.load_id for load in loads[since:])
