"""Whether the disk has room for a load: looked at before anything is requested.

A load that has room for what it receives and none to publish it goes ahead, since its source keeps tasks for
a month only; what it lands is published once there is room.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path

from cbr_warehouse.errors import FreeSpaceError
from cbr_warehouse.extract.plan import Purpose
from cbr_warehouse.raw.ledger_state import LoadsSummary
from cbr_warehouse.raw.ledgers import LoadEntry, read_loads_summary
from cbr_warehouse.storage.disk_errors import as_read_error
from cbr_warehouse.storage.files import existing_folder, free_bytes_of, size_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.working_file import can_clone

logger = logging.getLogger(__name__)

BYTES_A_RECORD = 600
"""Disk that a record takes in raw and tables together, compressed."""

_MB = 1_000_000


def refuse_full_disk(
    directory: DataDirectory,
    source: str,
    free_bytes: Callable[[Path], int] | None = None,
    now: datetime | None = None,
) -> None:
    """Fails if the disk has no room for as many records as the last loads of a source brought.

    What a first load brings is not known; nothing is expected of it. What it brought of a month, as well as a
    deep load or one of a range, is expected again for the time since the last load only.

    Args:
        directory: The data directory.
        source: Name of the source.
        free_bytes: Returns the free bytes of the file system of a folder.
        now: The present, UTC; None if it is not known, for the whole of what each load brought.

    Raises:
        FreeSpaceError: There is less room than that.
        StorageError: A ledger or the file system cannot be read.
    """
    landing = BYTES_A_RECORD * _expected_records(directory, source, now)
    with as_read_error(directory.root):
        free = (free_bytes or free_bytes_of)(existing_folder(directory.root))
        size = size_of(directory.warehouse) or 0
    if free < landing:
        raise FreeSpaceError(
            f"{directory.root}: cannot be written: a load of {source} needs about {_megabytes(landing)} of "
            f"free space for what it receives, by its last loads, and {_megabytes(free)} are free. Nothing "
            "was requested. Free space on the disk, or move the data directory and name it with --data-dir."
        )
    if free < landing + size and not can_clone(directory.warehouse):
        logger.warning(
            "%s: publishing needs about %s of free space for a second copy of warehouse.duckdb and what is "
            "received, and %s are free. The load goes ahead; free space before it publishes.",
            directory.root,
            _megabytes(landing + size),
            _megabytes(free),
        )


def _expected_records(directory: DataDirectory, source: str, now: datetime | None) -> int:
    """Records that were not stored before, of the last finished loads: the most of them."""
    summary = read_loads_summary(directory, source)
    loads = (summary.last_done, summary.last_planned, summary.last_deep)
    return max((ceil(_brought(one) * _share(one, summary, now)) for one in loads if one), default=0)


def _brought(load: LoadEntry) -> int:
    return sum(filter(None, (load.new, load.changed, load.superseded, load.quarantined)))


def _share(load: LoadEntry, summary: LoadsSummary, now: datetime | None) -> float:
    """The part of what a load brought that the time since the last one is expected to bring."""
    is_of_days = load.purpose != Purpose.INCREMENTAL or load.started_at == summary.first_at
    if not is_of_days or now is None or load.since is None:
        return 1.0
    elapsed = now - (summary.last_done or load).started_at
    period = (load.until or load.started_at) - load.since
    return min(1.0, max(0.0, elapsed / max(period, timedelta.resolution)))


def _megabytes(size: int) -> str:
    return f"{size / _MB:,.1f} MB"
