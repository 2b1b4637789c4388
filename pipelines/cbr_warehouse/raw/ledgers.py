"""The ledgers of raw, JSON entries of which each is written once: sweeps, audits, loads, landed files.

They are what a rebuild has instead of the API: what was asked for, what was counted, and which
loads there were. Which files hold the entries is ``ledger_files``' matter, what the older ones
amount to ``ledger_state``'s.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cbr_warehouse.contract.day_reason import default_reason
from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.ledger_entries import (
    AuditEntry,
    AuditFindings,
    LandedFile,
    LandedFiles,
    LatenessFinding,
    LoadEntry,
    RemovedDays,
    SweepEntry,
)
from cbr_warehouse.raw.ledger_files import (
    Entry,
    folded_files,
    iterate_entries,
    read_entries,
    read_singles,
    single_files,
    verify_folded,
)
from cbr_warehouse.raw.ledger_order import CLOCK_TOLERANCE, Written, stamp_of
from cbr_warehouse.raw.ledger_state import (
    AuditsSummary,
    LedgerState,
    LoadsSummary,
    read_ledger_state,
    sum_audits,
    sum_loads,
)
from cbr_warehouse.storage.checked_json import parse_checked_json, write_checked_json
from cbr_warehouse.storage.files import names_in, read_existing
from cbr_warehouse.storage.layout import DataDirectory

__all__ = [
    "AuditEntry",
    "AuditFindings",
    "LandedFile",
    "LandedFiles",
    "LatenessFinding",
    "LoadEntry",
    "SweepEntry",
    "check_ledgers",
    "iterate_loads",
    "read_audits",
    "read_edited_at",
    "read_hidden_providers",
    "read_landed_files",
    "read_lateness",
    "read_loads",
    "read_loads_summary",
    "read_sweeps",
    "read_vanished",
    "verify_folded_ledgers",
    "write_audit",
    "write_landed_files",
    "write_load",
    "write_sweep",
]

logger = logging.getLogger(__name__)

Ledger = TypeVar("Ledger", LoadEntry, SweepEntry, AuditFindings, LandedFiles, RemovedDays, Snapshot)


def write_load(directory: DataDirectory, entry: LoadEntry) -> None:
    """Notes a load: at its start as interrupted, at its end with its outcome."""
    path = directory.raw_ledger("loads", entry.source) / f"{entry.load_id}.json"
    write_checked_json(path, _plain(asdict(entry)))


def read_loads(directory: DataDirectory, source: str, *, after: str | None = None) -> list[LoadEntry]:
    """The loads of a source, oldest first.

    Args:
        directory: The data directory.
        source: Name of the source.
        after: Only loads whose id is greater; reads no more than it must for recent ones.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    if after is None:
        return list(iterate_loads(directory, source))
    folder = directory.raw_ledger("loads", source)
    names = [path.name for path in single_files(folder)]
    # The oldest are folded first: where that load is still in a file of its own, all after it are.
    if f"{after}.json" in names:
        entries = read_singles(folder, [name for name in names if name > f"{after}.json"])
        if entries is not None:
            return [parse_entry(entry, LoadEntry) for entry in entries]
    return [load for load in iterate_loads(directory, source) if load.load_id > after]


def iterate_loads(directory: DataDirectory, source: str) -> Iterator[LoadEntry]:
    """All loads of a source, oldest first, each read when it is asked for.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    for entry in iterate_entries(directory.raw_ledger("loads", source)):
        yield parse_entry(entry, LoadEntry)


def read_loads_summary(
    directory: DataDirectory, source: str, present: datetime | None = None
) -> LoadsSummary:
    """What the loads of a source amount to; reads those that are not folded.

    Args:
        directory: The data directory.
        source: Name of the source.
        present: The present, UTC, if the source confirmed it; loads dated after it are ignored.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    folder = directory.raw_ledger("loads", source)
    found = _since_state(directory, source, "loads")
    if found is not None:
        state, entries = found
        limit = None if present is None else present + CLOCK_TOLERANCE
        latest = state.loads.latest_at
        if limit is None or latest is None or latest <= limit:
            return sum_loads(_until(limit, entries), state.loads)
    limit = None if present is None else present + CLOCK_TOLERANCE
    return sum_loads(_until(limit, read_entries(folder)))


def _until(limit: datetime | None, entries: Iterable[Entry]) -> Iterator[LoadEntry]:
    loads = (parse_entry(entry, LoadEntry) for entry in entries)
    return (load for load in loads if limit is None or load.started_at <= limit)


def write_sweep(directory: DataDirectory, source: str, entry: SweepEntry) -> None:
    """Notes a sweep as landed."""
    name = f"{entry.load_id}-{entry.sweep:05d}.json"
    write_checked_json(directory.raw_ledger("sweeps", source) / name, _plain(asdict(entry)))


def read_sweeps(directory: DataDirectory, source: str, load_ids: frozenset[str]) -> list[SweepEntry]:
    """The sweeps that landed in loads not finished, or in the last finished one, in order."""
    folder = directory.raw_ledger("sweeps", source)
    # Sweeps of these loads are never folded.
    starts = tuple(f"{load_id}-" for load_id in load_ids)
    paths = [folder / name for name in names_in(folder, suffix=".json") if name.startswith(starts)]
    return list(_undamaged_sweeps(paths))


def _undamaged_sweeps(paths: Iterable[Path]) -> Iterator[SweepEntry]:
    for path in paths:
        try:
            yield parse_entry(Entry(path.name, read_existing(path), path), SweepEntry)
        except DamagedFileError as error:
            # A sweep only says which window need not be requested again; without it, it is.
            logger.warning("%s: is damaged, so its window is requested again (%s)", path, error.what)


def write_landed_files(directory: DataDirectory, source: str, entry: LandedFiles) -> None:
    """Notes the record files of one flush, after they were written and before any sweep of theirs is."""
    name = f"{entry.load_id}-{entry.flush:05d}.json"
    rows = [asdict(file) for file in entry.files]
    path = directory.raw_ledger("landed", source) / name
    write_checked_json(path, {"load_id": entry.load_id, "flush": entry.flush, "files": rows})


def read_landed_files(directory: DataDirectory, source: str) -> dict[str, dict[str, int]]:
    """Rows of every record file that a load of a source noted, by day and name."""
    found: dict[str, dict[str, int]] = {}
    try:
        entries = read_entries(directory.raw_ledger("landed", source))
    except DamagedFileError as error:
        logger.warning("%s", error)
        entries = []
    for entry in entries:
        try:
            for file in parse_entry(entry, LandedFiles).files:
                found.setdefault(file.day, {})[file.name] = file.rows
        except DamagedFileError as error:
            # It only says which files there were: without it, one that disappeared may be missed.
            logger.warning("%s: is damaged and passed over (%s)", entry.path, error.what)
    return found


def write_audit(directory: DataDirectory, source: str, load_id: str, findings: AuditFindings) -> None:
    """Notes what a load found out about its source."""
    path = directory.raw_ledger("audits", source) / f"{load_id}.json"
    rows = [_plain(asdict(entry)) for entry in findings.days]
    rest = replace(findings, days=())
    write_checked_json(path, {**_plain(asdict(rest)), "days": rows})


def read_audits(directory: DataDirectory, source: str, now: datetime | None = None) -> dict[date, AuditEntry]:
    """The latest verdict on every day of a source, without those of a clock that was wrong.

    Args:
        directory: The data directory.
        source: Name of the source.
        now: The present, if the source confirmed it; else None.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    return {entry.day: entry for entry in _audits_summary(directory, source, now).verdicts}


def read_vanished(directory: DataDirectory, source: str) -> frozenset[str]:
    """The tasks that the source, asked by id, did not know any more (404): a fact, never a delete.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    return _audits_summary(directory, source, None).vanished


def read_hidden_providers(directory: DataDirectory, source: str) -> tuple[str, ...]:
    """The providers whose tasks the source left out of unfiltered lists, by the latest finding.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    return _audits_summary(directory, source, None).hidden_providers


def read_edited_at(directory: DataDirectory, source: str) -> datetime | None:
    """When a load last saw that a task had changed after its end, by the latest finding.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    return _audits_summary(directory, source, None).edited_at


def read_lateness(directory: DataDirectory, source: str) -> LatenessFinding | None:
    """How late tasks appear and change, by the latest measurement.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    return _audits_summary(directory, source, None).lateness


def _audits_summary(directory: DataDirectory, source: str, now: datetime | None) -> AuditsSummary:
    found = _since_state(directory, source, "audits")
    if found is not None:
        state, entries = found
        summary = state.audits.add([parse_audit(entry) for entry in entries], now)
        if summary is not None:
            return summary
    entries = read_entries(directory.raw_ledger("audits", source))
    return sum_audits([parse_audit(entry) for entry in entries], now)


def _since_state(directory: DataDirectory, source: str, kind: str) -> tuple[LedgerState, list[Entry]] | None:
    """The state of a source and its later entries; None where all entries must be read.

    Args:
        directory: The data directory.
        source: Name of the source.
        kind: ``loads`` or ``audits``.
    """
    folder = directory.raw_ledger(kind, source)
    names = [path.name for path in single_files(folder)]
    folded = tuple(path.name for path in folded_files(folder))
    state = (read_ledger_state(directory.ledger_state(source)) if folded else None) or LedgerState()
    made_from, until = (
        (state.folded_loads, state.loads_until)
        if kind == "loads"
        else (state.folded_audits, state.audits_until)
    )
    # Entries not later than the state are what an interrupted fold left, or files that were put back.
    if made_from != folded or any(name <= until for name in names):
        return None
    entries = read_singles(folder, names)
    return None if entries is None else (state, entries)


def check_ledgers(directory: DataDirectory, source: str) -> None:
    """Reads every ledger of a source that is not derived from others.

    Raises:
        DamagedFileError: One is not what was written.
    """
    for _ in iterate_loads(directory, source):
        pass
    for entry in read_entries(directory.raw_ledger("audits", source)):
        parse_audit(entry)


def verify_folded_ledgers(directory: DataDirectory, source: str) -> None:
    """Compares the folded loads and audits, which a load does not read, with their checksums.

    Raises:
        DamagedFileError: One is not what was written.
    """
    for kind in ("loads", "audits"):
        verify_folded(directory.raw_ledger(kind, source))


@lru_cache(maxsize=64)
def parse_audit(entry: Entry) -> tuple[Written, AuditFindings]:
    """An audit, and when it was written. A load asks for the same recent ones several times.

    Raises:
        DamagedFileError: It is not what was written.
    """
    findings = parse_entry(entry, AuditFindings)
    findings = replace(findings, days=tuple(map(_with_reason, findings.days)))
    return (findings.judged_at or stamp_of(entry.stem), findings.is_confirmed), findings


def _with_reason(entry: AuditEntry) -> AuditEntry:
    """Ledgers written before there were reasons lack them."""
    if entry.reason is not None:
        return entry
    reason = default_reason(entry.state, entry.counted, entry.checked_at)
    return entry if reason is None else replace(entry, reason=reason)


def parse_entry(entry: Entry, kind: type[Ledger]) -> Ledger:
    """Parses an entry and verifies its checksum and the types of its values.

    Raises:
        DamagedFileError: It is not what was written.
    """
    try:
        if entry.is_folded:
            return msgspec.json.decode(entry.content, type=kind)
        keys = [field.name for field in fields(kind)]
        return msgspec.convert(parse_checked_json(entry.path, entry.content, keys), kind)
    except msgspec.MsgspecError as error:
        raise DamagedFileError(entry.path, f"it cannot be understood ({error})") from error


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _print(value) for key, value in row.items()}


def _print(value: Any) -> Any:
    if isinstance(value, datetime):
        return print_instant(value)
    if isinstance(value, dict):
        return _plain(value)
    return value.isoformat() if isinstance(value, date) else value
