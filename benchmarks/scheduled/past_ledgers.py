"""The ledgers of hourly loads of the past, written without loading: what years of ticks leave of a source."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid5

from cbr_warehouse.raw.ledger_entries import AuditEntry, AuditFindings, LoadEntry, SweepEntry
from cbr_warehouse.raw.ledger_files import fold
from cbr_warehouse.raw.ledger_order import STAMP
from cbr_warehouse.raw.ledgers import write_audit, write_load, write_sweep
from cbr_warehouse.storage.layout import DataDirectory

HOUR = timedelta(hours=1)


def write_past(data: Path, source: str, loads: int, until: datetime) -> None:
    """Writes the ledgers of a source that had no task, folded by month as loads fold them.

    Args:
        data: The data directory.
        source: Name of the source, which has not been loaded yet.
        loads: Number of hourly loads.
        until: When the last of them ended, UTC.
    """
    directory = DataDirectory(data)
    with patch.object(os, "fsync", lambda _handle: None):
        for number in range(loads):
            _write_load(directory, source, number, until - (loads - number) * HOUR)
        for kind in ("loads", "audits", "sweeps"):
            folder = directory.raw_ledger(kind, source)
            fold(folder, sorted(path.name for path in folder.glob("[!.]*.json")))


def _write_load(directory: DataDirectory, source: str, number: int, started_at: datetime) -> None:
    load_id = f"{started_at:{STAMP}}-{uuid5(NAMESPACE_URL, f'{source}/{number}')}"
    ended_at, since = started_at + timedelta(seconds=2), started_at - timedelta(days=2)
    entry = LoadEntry(
        load_id,
        source,
        started_at,
        "incremental",
        since,
        None,
        ended_at,
        requests=6,
        expected_requests=6,
        rate_limited=0,
        received_bytes=600,
        records=0,
        expected_records=0,
        new=0,
        changed=0,
        superseded=0,
        repeats=0,
        quarantined=0,
        outcome="done",
    )
    write_load(directory, entry)
    write_sweep(directory, source, SweepEntry(load_id, 0, "new", since, None, 1, 0, ended_at))
    write_audit(directory, source, load_id, AuditFindings(days=tuple(_verdicts(started_at, ended_at))))


def _verdicts(started_at: datetime, checked_at: datetime) -> list[AuditEntry]:
    today = started_at.astimezone(UTC).date()
    return [_verdict(today, "open", checked_at), _verdict(today - timedelta(days=1), "complete", checked_at)]


def _verdict(day: date, state: str, checked_at: datetime) -> AuditEntry:
    return AuditEntry(day, 0, 0, state, checked_at, held=0)
