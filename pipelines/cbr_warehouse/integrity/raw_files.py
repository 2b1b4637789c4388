"""Raw: checksums of its files and ledgers, and records that it names and does not hold."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cbr_warehouse.errors import DamagedFileError, StorageError
from cbr_warehouse.integrity.finding import Amount, Check, Finding, Verified
from cbr_warehouse.raw.damage import KINDS
from cbr_warehouse.raw.files import is_intact
from cbr_warehouse.raw.found_projects import read_found_projects
from cbr_warehouse.raw.inventory import LEDGER as INVENTORY
from cbr_warehouse.raw.inventory_damage import find_gone_inventory, inventory_paths
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledger_entries import RemovedDays
from cbr_warehouse.raw.ledger_files import Entry, folded_files, read_folded, single_files
from cbr_warehouse.raw.ledgers import AuditFindings, LandedFiles, LoadEntry, SweepEntry, parse_entry
from cbr_warehouse.raw.removed_days import LEDGER
from cbr_warehouse.raw.stored_records import count_missing
from cbr_warehouse.storage.files import read_existing
from cbr_warehouse.storage.layout import DataDirectory

LEDGERS: dict[str, Any] = {
    "loads": LoadEntry,
    "sweeps": SweepEntry,
    "audits": AuditFindings,
    "landed": LandedFiles,
    LEDGER: RemovedDays,
    INVENTORY: Snapshot,
}
"""What the entries of each ledger are."""

_RESTORE = (
    "Restore the file from a backup, or run 'cbr-warehouse load', which reads again what the source serves."
)


def verify_raw_files(directory: DataDirectory, source: str, days: Sequence[str]) -> Verified:
    """Compares the raw files of some days with their checksums, and looks for records that are gone.

    Args:
        directory: The data directory.
        source: Name of the source.
        days: The days, each ``YYYY-MM-DD`` or ``unknown``.
    """
    found = Verified()
    damaged: set[str] = set()
    for day in days:
        for path in (path for kind in KINDS for path in raw_files(directory.raw_day(kind, source, day))):
            found.amount.raw_files += 1
            if wrong := _what_is_wrong(path):
                damaged.add(day)
                found.findings.append(Finding(Check.RAW_CHECKSUM, source, day, f"{path}: {wrong}"))
    sound = [day for day in days if day not in damaged]
    try:
        missing = count_missing(directory, source, sound)
    except DamagedFileError:  # a ledger, which verify_ledger reports: what is missing cannot be known
        missing = {}
    for day, count in missing.items():
        folder = directory.raw_day("records", source, day)
        what = f"{folder}: lacks {count:,} records that manifests or ledgers name: files are gone. {_RESTORE}"
        found.findings.append(Finding(Check.MISSING_RECORDS, source, day, what))
    return found


def _what_is_wrong(path: Path) -> str | None:
    try:
        if is_intact(path):
            return None
    except StorageError as error:
        return str(error).removeprefix(f"{path}: ")
    return f"is damaged: its content does not match the checksum in its name. {_RESTORE}"


def verify_ledger(directory: DataDirectory, source: str, kind: str) -> Verified:
    """Compares each file of a ledger with its checksum, and parses its entries.

    Args:
        directory: The data directory.
        source: Name of the source.
        kind: One of ``LEDGERS``.
    """
    folder = directory.raw_ledger(kind, source)
    paths = [*single_files(folder), *folded_files(folder)]
    found = Verified(Amount(ledger_files=len(paths)))
    for path in paths:
        try:
            for entry in _entries(path):
                parse_entry(entry, LEDGERS[kind])
        except StorageError as error:
            # What to do differs with the kind: the message of a load says it.
            what = f"{path}: is damaged: {error.what}." if isinstance(error, DamagedFileError) else str(error)
            found.findings.append(Finding(Check.LEDGER_CHECKSUM, source, None, what))
    return found


def verify_inventory_files(directory: DataDirectory, source: str) -> Verified:
    """Compares the files of a source's inventories with their checksums, and looks for files that are gone.

    Args:
        directory: The data directory.
        source: Name of the source.
    """
    found = Verified()
    for path in inventory_paths(directory, source):
        found.amount.raw_files += 1
        if wrong := _what_is_wrong(path):
            found.findings.append(Finding(Check.RAW_CHECKSUM, source, None, f"{path}: {wrong}"))
    try:
        gone = find_gone_inventory(directory, source)
    except DamagedFileError:  # verify_ledger reports it
        gone = ()
    for path in gone:
        what = f"{path}: is gone, and the ledger of inventories lists it. {_RESTORE}"
        found.findings.append(Finding(Check.MISSING_RECORDS, source, None, what))
    return found


def verify_found_projects(directory: DataDirectory, account: str) -> Verified:
    """Compares the kept list of an account's projects with its checksum.

    Args:
        directory: The data directory.
        account: Name of the account.
    """
    found = Verified(Amount(ledger_files=1))
    try:
        read_found_projects(directory, account)
    except StorageError as error:
        found.findings.append(Finding(Check.LEDGER_CHECKSUM, None, None, str(error)))
    return found


def _entries(path: Path) -> Iterator[Entry]:
    if path.suffix == ".gz":
        yield from read_folded(path)
        return
    yield Entry(path.name, read_existing(path), path)
