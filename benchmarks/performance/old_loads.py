"""Ledgers of loads of the past, as years of hourly loads leave them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cbr_warehouse.raw.ledger_order import STAMP
from cbr_warehouse.raw.ledgers import AuditFindings, read_audits, read_loads, write_audit, write_load
from cbr_warehouse.storage.layout import DataDirectory


def add_old_loads(data: Path, source: str, number: int) -> None:
    """Adds ledgers of loads, one an hour, that came before the oldest one.

    Args:
        data: The data directory.
        source: Name of a source that was loaded into it.
        number: Number of loads.
    """
    directory = DataDirectory(data)
    oldest = read_loads(directory, source)[0]
    days = tuple(read_audits(directory, source).values())[-3:]
    for hours in range(1, number + 1):
        started_at = oldest.started_at - timedelta(hours=hours)
        load_id = f"{started_at:{STAMP}}-{hours:08x}"
        finished_at = started_at + timedelta(seconds=9)
        entry = replace(oldest, load_id=load_id, started_at=started_at, finished_at=finished_at)
        write_load(directory, entry)
        write_audit(directory, source, load_id, AuditFindings(days, judged_at=started_at, is_confirmed=True))
