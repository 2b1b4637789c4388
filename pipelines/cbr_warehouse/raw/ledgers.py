"""The small ledgers of raw, JSON files of which each is written once: sweeps, audits, loads.

They are what a rebuild has instead of the API: what was asked for, what was counted, and which
loads there were.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from cbr_warehouse.contract.timestamps import parse_instant, print_instant
from cbr_warehouse.storage.atomic_write import read_json, write_json
from cbr_warehouse.storage.layout import DataDirectory


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
    """

    day: date
    counted: int | None
    expired: int
    state: str
    checked_at: datetime | None


@dataclass(frozen=True)
class AuditFindings:
    """What a load found out about its source.

    Attributes:
        days: What is proved of each day it looked at.
        vanished: Open tasks that the source, asked by id, did not know any more.
        hidden_providers: Providers whose tasks are absent from lists without a filter by provider.
    """

    days: tuple[AuditEntry, ...]
    vanished: tuple[str, ...] = ()
    hidden_providers: tuple[str, ...] = ()


def write_load(directory: DataDirectory, entry: LoadEntry) -> None:
    """Notes a load: at its start as interrupted, at its end with what came of it."""
    write_json(directory.raw_ledger("loads", entry.source) / f"{entry.load_id}.json", _plain(asdict(entry)))


def read_loads(directory: DataDirectory, source: str) -> list[LoadEntry]:
    """All loads of a source, oldest first."""
    return list(iterate_loads(directory, source))


def iterate_loads(directory: DataDirectory, source: str) -> Iterator[LoadEntry]:
    """The loads of a source, oldest first, each read when it is asked for."""
    for path in _ledger_files(directory.raw_ledger("loads", source)):
        yield LoadEntry(**_typed(read_json(path)))


def write_sweep(directory: DataDirectory, source: str, entry: SweepEntry) -> None:
    """Notes a sweep as landed."""
    name = f"{entry.load_id}-{entry.sweep:05d}.json"
    write_json(directory.raw_ledger("sweeps", source) / name, _plain(asdict(entry)))


def read_sweeps(directory: DataDirectory, source: str, load_ids: frozenset[str]) -> list[SweepEntry]:
    """The sweeps that landed in the given loads, in order."""
    folder = directory.raw_ledger("sweeps", source)
    paths = sorted(path for load_id in load_ids for path in folder.glob(f"{load_id}-*.json"))
    return [SweepEntry(**_typed(read_json(path))) for path in paths]


def write_audit(directory: DataDirectory, source: str, load_id: str, findings: AuditFindings) -> None:
    """Notes what a load found out about its source."""
    rows = [_plain(asdict(entry)) for entry in findings.days]
    path = directory.raw_ledger("audits", source) / f"{load_id}.json"
    write_json(
        path, {"days": rows, "vanished": findings.vanished, "hidden_providers": findings.hidden_providers}
    )


def read_audits(directory: DataDirectory, source: str) -> dict[date, AuditEntry]:
    """The latest finding of every day of a source that any load looked at."""
    latest: dict[date, AuditEntry] = {}
    for value in _read_all(directory.raw_ledger("audits", source)):
        for row in value["days"]:
            day = date.fromisoformat(row["day"])
            latest[day] = AuditEntry(**{**_typed(row), "day": day})
    return latest


def read_vanished(directory: DataDirectory, source: str) -> frozenset[str]:
    """The tasks that the source, asked by id, did not know any more (404): a fact, never a delete."""
    values = _read_all(directory.raw_ledger("audits", source))
    return frozenset(task_id for value in values for task_id in value["vanished"])


def read_hidden_providers(directory: DataDirectory, source: str) -> tuple[str, ...]:
    """The providers whose tasks the source left out of unfiltered lists, by the latest finding."""
    values = _read_all(directory.raw_ledger("audits", source))
    return tuple(values[-1]["hidden_providers"]) if values else ()


def _read_all(folder: Path) -> list[Any]:
    return [read_json(path) for path in _ledger_files(folder)]


def _ledger_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _print(value) for key, value in row.items()}


def _print(value: Any) -> Any:
    if isinstance(value, datetime):
        return print_instant(value)
    return value.isoformat() if isinstance(value, date) else value


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {"started_at", "finished_at", "since", "until", "start", "end", "checked_at"}
    return {
        key: parse_instant(value) if key in times and value is not None else value
        for key, value in row.items()
    }
