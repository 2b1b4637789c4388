"""Days that a policy removed from raw, and the removal of their files.

The ledger ``removed`` names them first, with what was held of each: what is gone afterwards was removed on
purpose, and ``coverage`` keeps what was proved. Which days are due is decided by ``load``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from itertools import count

from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.raw.damage import KINDS
from cbr_warehouse.raw.ledger_entries import RemovedDay, RemovedDays
from cbr_warehouse.raw.ledger_files import read_entries
from cbr_warehouse.raw.ledgers import parse_entry
from cbr_warehouse.storage.atomic_write import remove_folder
from cbr_warehouse.storage.checked_json import write_checked_json
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory

LEDGER = "removed"


def write_removed_days(
    directory: DataDirectory, source: str, removed_at: datetime, days: Sequence[RemovedDay]
) -> None:
    """Notes days that are about to be removed.

    Args:
        directory: The data directory.
        source: Name of the source, whose lock the caller holds.
        removed_at: The present, UTC.
        days: The days, with what is held of each.
    """
    folder = directory.raw_ledger(LEDGER, source)
    # A clock may show the same time twice, and an entry is never written over.
    names = (f"{removed_at:%Y%m%dT%H%M%S%f}Z-{number:02d}.json" for number in count(1))
    path = next(path for name in names if not exists(path := folder / name))
    rows = [{**asdict(one), "day": one.day.isoformat()} for one in days]
    write_checked_json(path, {"removed_at": print_instant(removed_at), "days": rows})


def read_removed_days(directory: DataDirectory, source: str) -> Mapping[date, tuple[RemovedDay, datetime]]:
    """The removed days of a source, each as it was last removed, and when, UTC.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    found: dict[date, tuple[RemovedDay, datetime]] = {}
    for entry in read_entries(directory.raw_ledger(LEDGER, source)):
        removed = parse_entry(entry, RemovedDays)
        found |= {one.day: (one, removed.removed_at) for one in removed.days}
    return found


def remove_raw_day(directory: DataDirectory, source: str, day: date) -> None:
    """Removes all raw files of a day, those set aside as damaged too.

    Raises:
        StorageError: Something could not be removed.
    """
    # The manifests go first: a manifest that names a record which no file has means loss.
    for kind in (*reversed(KINDS), "damaged"):
        remove_folder(directory.raw_day(kind, source, day.isoformat()))
