"""The small ledgers of raw, JSON files of which each is written once: sweeps, audits, loads.

They are what a rebuild has instead of the API: what was asked for, what was counted, and which
loads there were.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cbr_warehouse.contract.day_reason import default_reason
from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw.ledger_order import stamp_of, trusted
from cbr_warehouse.storage.checked_json import read_checked_json, write_checked_json
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadEntry:
    """One load of one source, as ``schemas/loads.yaml`` describes its columns."""

    load_id: str
    source: str
    started_at: datetime
    purpose: str
    since: datetime | None = None
    until: datetime | None = None
    finished_at: datetime | None = None
    requests: int | None = None
    expected_requests: int | None = None
    rate_limited: int | None = None
    received_bytes: int | None = None
    records: int | None = None
    expected_records: int | None = None
    new: int | None = None
    changed: int | None = None
    superseded: int | None = None
    repeats: int | None = None
    quarantined: int | None = None
    outcome: str = "interrupted"
    message: str | None = None


@dataclass(frozen=True)
class SweepEntry:
    """One sweep that landed whole: what was asked, and when it was finished."""

    load_id: str
    sweep: int
    reason: str
    start: datetime | None
    end: datetime | None
    pages: int
    records: int
    finished_at: datetime


@dataclass(frozen=True)
class AuditEntry:
    """What a load found of one day of a source.

    Attributes:
        day: UTC day of created_at.
        counted: Tasks by the source's own count; None where it was not counted.
        expired: Tasks held that the source no longer serves.
        state: State of the day, as ``schemas/coverage.yaml`` describes it.
        checked_at: When the source was last asked of this day; None if never.
        reason: Why the day is not complete; None where it is, and for today.
    """

    day: date
    counted: int | None
    expired: int
    state: str
    checked_at: datetime | None
    reason: str | None = None


@dataclass(frozen=True)
class AuditFindings:
    """What a load found out about its source.

    Attributes:
        days: What is proved of each day it looked at.
        vanished: Open tasks that the source, asked by id, did not know any more.
        hidden_providers: Providers whose tasks are absent from lists without a filter by provider.
        judged_at: When the days were judged; None in ledgers written before this was noted.
        is_confirmed: Whether the source's responses confirmed that time by their Date.
    """

    days: tuple[AuditEntry, ...]
    vanished: tuple[str, ...] = ()
    hidden_providers: tuple[str, ...] = ()
    judged_at: datetime | None = None
    is_confirmed: bool = False


Ledger = TypeVar("Ledger", LoadEntry, SweepEntry, AuditFindings)


def write_load(directory: DataDirectory, entry: LoadEntry) -> None:
    """Notes a load: at its start as interrupted, at its end with its outcome."""
    path = directory.raw_ledger("loads", entry.source) / f"{entry.load_id}.json"
    write_checked_json(path, _plain(asdict(entry)))


def read_loads(directory: DataDirectory, source: str) -> list[LoadEntry]:
    """All loads of a source, oldest first.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    return list(iterate_loads(directory, source))


def iterate_loads(directory: DataDirectory, source: str) -> Iterator[LoadEntry]:
    """The loads of a source, oldest first, each read when it is asked for.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    for path in _ledger_files(directory.raw_ledger("loads", source)):
        yield _read(path, LoadEntry)


def write_sweep(directory: DataDirectory, source: str, entry: SweepEntry) -> None:
    """Notes a sweep as landed."""
    name = f"{entry.load_id}-{entry.sweep:05d}.json"
    write_checked_json(directory.raw_ledger("sweeps", source) / name, _plain(asdict(entry)))


def read_sweeps(directory: DataDirectory, source: str, load_ids: frozenset[str]) -> list[SweepEntry]:
    """The sweeps that landed in the given loads, in order."""
    folder = directory.raw_ledger("sweeps", source)
    paths = sorted(path for load_id in load_ids for path in folder.glob(f"{load_id}-*.json"))
    return list(_undamaged_sweeps(paths))


def _undamaged_sweeps(paths: Iterable[Path]) -> Iterator[SweepEntry]:
    for path in paths:
        try:
            yield _read(path, SweepEntry)
        except DamagedFileError as error:
            # A sweep only says which window need not be requested again; without it, it is.
            logger.warning("%s: is damaged, so its window is requested again (%s)", path, error.what)


def write_audit(directory: DataDirectory, source: str, load_id: str, findings: AuditFindings) -> None:
    """Notes what a load found out about its source."""
    path = directory.raw_ledger("audits", source) / f"{load_id}.json"
    rows = [_plain(asdict(entry)) for entry in findings.days]
    write_checked_json(path, {**_plain(asdict(findings)), "days": rows})


def read_audits(directory: DataDirectory, source: str, now: datetime | None = None) -> dict[date, AuditEntry]:
    """The latest verdict on every day of a source, without those of a clock that was ahead.

    Args:
        directory: The data directory.
        source: Name of the source.
        now: The present, if the source confirmed it; else None.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    latest: dict[date, AuditEntry] = {}
    paths = _ledger_files(directory.raw_ledger("audits", source))
    ledgers = [_read(path, AuditFindings) for path in paths]
    times = [
        (ledger.judged_at or stamp_of(path.stem), ledger.is_confirmed)
        for path, ledger in zip(paths, ledgers, strict=True)
    ]
    for ledger, is_trusted in zip(ledgers, trusted(times, now), strict=True):
        if is_trusted:
            latest.update({entry.day: _with_reason(entry) for entry in ledger.days})
    return latest


def _with_reason(entry: AuditEntry) -> AuditEntry:
    """Ledgers written before there were reasons lack them."""
    if entry.reason is not None:
        return entry
    return replace(entry, reason=default_reason(entry.state, entry.counted, entry.checked_at))


def read_vanished(directory: DataDirectory, source: str) -> frozenset[str]:
    """The tasks that the source, asked by id, did not know any more (404): a fact, never a delete.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    paths = _ledger_files(directory.raw_ledger("audits", source))
    return frozenset(task_id for path in paths for task_id in _read(path, AuditFindings).vanished)


def read_hidden_providers(directory: DataDirectory, source: str) -> tuple[str, ...]:
    """The providers whose tasks the source left out of unfiltered lists, by the latest finding.

    Raises:
        DamagedFileError: The latest ledger is not what was written.
    """
    latest = _ledger_files(directory.raw_ledger("audits", source))[-1:]
    return tuple(name for path in latest for name in _read(path, AuditFindings).hidden_providers)


def check_ledgers(directory: DataDirectory, source: str) -> None:
    """Reads every ledger of a source that is not derived from others.

    Raises:
        DamagedFileError: One is not what was written.
    """
    read_loads(directory, source)
    read_audits(directory, source)


def _ledger_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _print(value) for key, value in row.items()}


def _print(value: Any) -> Any:
    if isinstance(value, datetime):
        return print_instant(value)
    return value.isoformat() if isinstance(value, date) else value


def _read(path: Path, kind: type[Ledger]) -> Ledger:
    """Reads a ledger and verifies its checksum and the types of its values."""
    keys = [field.name for field in fields(kind)]
    value = read_checked_json(path, keys)
    if value is None:
        raise DamagedFileError(path, "it disappeared while it was read")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise DamagedFileError(path, f"it cannot be understood ({error})") from error
