"""Folds a source's older ledgers, and keeps the state file that says what they amount to.

Only for the holder of the source's lock.
"""

from cbr_warehouse.raw.ledger_entries import LoadEntry
from cbr_warehouse.raw.ledger_files import Entry, fold, folded_files, read_folded, single_files
from cbr_warehouse.raw.ledger_state import (
    LedgerState,
    read_ledger_state,
    sum_audits,
    sum_loads,
    write_ledger_state,
)
from cbr_warehouse.raw.ledgers import parse_audit, parse_entry, read_loads_summary
from cbr_warehouse.storage.files import read_existing
from cbr_warehouse.storage.layout import DataDirectory

KEPT = 8
"""The newest loads and audits stay in files of their own: they are read singly, and name the next load."""

MOST = {"loads": 24, "audits": 24, "sweeps": 64, "landed": 24, "inventory": 24}
"""Files of a kind that a load leaves unfolded."""


def fold_ledgers(directory: DataDirectory, source: str, *, at_once: bool = False) -> dict[str, int]:
    """Folds the older ledgers of a source where there are many, and brings its state file up to them.

    Args:
        directory: The data directory.
        source: Name of the source.
        at_once: Whether to fold all that may be folded, however few.

    Returns:
        Files folded, by kind.

    Raises:
        DamagedFileError: An entry is not what was written; what was folded before stays folded.
        StorageError: A file could not be read or written.
    """
    before = _valid_state(directory, source)
    due = foldable_ledgers(directory, source, at_once=at_once)
    if before is not None:
        _add_leftovers(directory, source, before, due)
    added = {kind: _entries(directory, source, kind, due.get(kind, ())) for kind in ("loads", "audits")}
    for kind, names in due.items():
        fold(directory.raw_ledger(kind, source), names)
    if before is None or any(added.values()):
        _write_state(directory, source, before, added)
    return {kind: len(names) for kind, names in due.items()}


def foldable_ledgers(
    directory: DataDirectory, source: str, *, at_once: bool = False
) -> dict[str, tuple[str, ...]]:
    """Names of the ledgers to fold, by kind.

    Args:
        directory: The data directory.
        source: Name of the source.
        at_once: Whether all that may be folded are, however few.
    """
    found: dict[str, tuple[str, ...]] = {}
    for kind, most in MOST.items():
        names = [path.name for path in single_files(directory.raw_ledger(kind, source))]
        if len(names) <= (0 if at_once else most):
            continue
        if kind == "sweeps":
            names = _past_sweeps(directory, source, names)
        elif kind != "landed":
            names = names[:-KEPT]
        if names:
            found[kind] = tuple(names)
    return found


def _add_leftovers(
    directory: DataDirectory, source: str, state: LedgerState, due: dict[str, tuple[str, ...]]
) -> None:
    """Adds single files that an interrupted fold did not remove any more."""
    for kind, until in (("loads", state.loads_until), ("audits", state.audits_until)):
        names = {path.name for path in single_files(directory.raw_ledger(kind, source)) if path.name <= until}
        if names:
            due[kind] = tuple(sorted(names.union(due.get(kind, ()))))


def _past_sweeps(directory: DataDirectory, source: str, names: list[str]) -> list[str]:
    """Those of loads that no plan or forecast asks about any more."""
    loads = read_loads_summary(directory, source)
    needed = {*loads.unfinished, *(load.load_id for load in (loads.last_done, loads.newest) if load)}
    return [name for name in names if name.rpartition("-")[0] not in needed]


def _entries(directory: DataDirectory, source: str, kind: str, names: tuple[str, ...]) -> list[Entry]:
    folder = directory.raw_ledger(kind, source)
    return [Entry(name, read_existing(folder / name), folder / name) for name in names]


def _valid_state(directory: DataDirectory, source: str) -> LedgerState | None:
    """The state file, if it says what the folded files and no others amount to."""
    folded = {kind: _folded_names(directory, source, kind) for kind in ("loads", "audits")}
    if not any(folded.values()):
        return LedgerState()
    state = read_ledger_state(directory.ledger_state(source))
    if state is None or (state.folded_loads, state.folded_audits) != (folded["loads"], folded["audits"]):
        return None
    return state


def _folded_names(directory: DataDirectory, source: str, kind: str) -> tuple[str, ...]:
    return tuple(path.name for path in folded_files(directory.raw_ledger(kind, source)))


def _write_state(
    directory: DataDirectory, source: str, before: LedgerState | None, added: dict[str, list[Entry]]
) -> None:
    """Adds what was folded to the state, or makes it again from all folded files."""
    loads, audits = added["loads"], added["audits"]
    old = before or LedgerState()
    is_later = all(entry.name > old.loads_until for entry in loads)
    is_later = is_later and all(entry.name > old.audits_until for entry in audits)
    summary = old.audits.add([parse_audit(entry) for entry in audits], None) if is_later else None
    if before is None or summary is None:
        loads, audits = (_all_folded(directory, source, kind) for kind in ("loads", "audits"))
        old = LedgerState()
        summary = sum_audits([parse_audit(entry) for entry in audits], None)
    write_ledger_state(
        directory.ledger_state(source),
        LedgerState(
            folded_loads=_folded_names(directory, source, "loads"),
            folded_audits=_folded_names(directory, source, "audits"),
            loads_until=max((entry.name for entry in loads), default=old.loads_until),
            audits_until=max((entry.name for entry in audits), default=old.audits_until),
            loads=sum_loads((parse_entry(entry, LoadEntry) for entry in loads), old.loads),
            audits=summary,
        ),
    )


def _all_folded(directory: DataDirectory, source: str, kind: str) -> list[Entry]:
    paths = folded_files(directory.raw_ledger(kind, source))
    found = {entry.name: entry for path in paths for entry in read_folded(path)}
    return [found[name] for name in sorted(found)]
