"""What raw holds, read back: counts of records, those under no day, and those it lost.

Writing is ``landing``; finding files whose content changed is ``damage``.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from pathlib import Path

from cbr_warehouse.raw.damage import days_with_files_set_aside
from cbr_warehouse.raw.files import ReceivedPage, count_rows, read_columns, replaced_files
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import read_landed_files
from cbr_warehouse.raw.removed_days import read_removed_days
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory

_UNDATED_COLUMNS = ("record_text", "record_bytes", "sweep", "page", "position", "fetched_at")


def count_records(directory: DataDirectory, source: str, day: date) -> int:
    """Distinct record texts received for a day, all versions of all tasks; reads the files' footers only.

    Args:
        directory: The data directory.
        source: Name of the source.
        day: UTC day of created_at.
    """
    files = raw_files(directory.raw_day("records", source, day.isoformat()))
    return sum(count_rows(path) for path in files)


def undated_records(directory: DataDirectory, source: str) -> Iterator[ReceivedPage]:
    """The records of a source without a usable created_at, one by one, exactly as they were received.

    Args:
        directory: The data directory.
        source: Name of the source.
    """
    for path in raw_files(directory.raw_day("records", source, UNKNOWN_DAY)):
        for row in read_columns(path, _UNDATED_COLUMNS).to_pylist():
            record = row["record_bytes"] or row["record_text"].encode()
            yield ReceivedPage((record,), row["sweep"], row["page"], row["fetched_at"], row["position"])


def count_missing(
    directory: DataDirectory, source: str, only: Collection[str] | None = None
) -> dict[str, int]:
    """Counts the records that manifests or landed files name and no file holds any more, by day.

    Days with files set aside do not count: the load that set them aside reported their loss. Nor do days that
    were removed on purpose.

    Args:
        directory: The data directory; it holds no damaged file.
        source: Name of the source.
        only: The days to look at; None for all.
    """
    days = directory.raw_days(source)
    removed = {day.isoformat() for day in read_removed_days(directory, source)}
    known = days_with_files_set_aside(directory, source) | removed
    chosen = [day for day in days if only is None or day in only]
    missing = {day: _named(directory, source, [day]) - _stored(directory, source, [day]) for day in chosen}
    doubtful = {day: lacking for day, lacking in missing.items() if lacking and day not in known}
    # A record that a wider contract could date is also filed under its day: look for it everywhere.
    stored = _stored(directory, source, days) if doubtful else set()
    counts = {day: len(lacking - stored) for day, lacking in doubtful.items() if lacking - stored}
    for day, rows in _missing_files(directory, source).items():
        if day not in known and (only is None or day in only):
            counts[day] = max(counts.get(day, 0), rows)
    return counts


def _missing_files(directory: DataDirectory, source: str) -> dict[str, int]:
    """Records of the files that a load noted and that are not in their place any more, by day."""
    missing: dict[str, int] = {}
    for day, noted in read_landed_files(directory, source).items():
        files = raw_files(directory.raw_day("records", source, day))
        in_place = {path.name for path in files}
        gone = {name: rows for name, rows in noted.items() if name not in in_place}
        for path in files if gone else ():
            gone = {name: rows for name, rows in gone.items() if name not in replaced_files(path)}
        if gone:
            missing[day] = sum(gone.values())
    return missing


def _named(directory: DataDirectory, source: str, days: Iterable[str]) -> set[object]:
    return {text for day in days for text in _hashes(directory.raw_day("manifests", source, day))}


def _stored(directory: DataDirectory, source: str, days: Iterable[str]) -> set[object]:
    return {text for day in days for text in _hashes(directory.raw_day("records", source, day))}


def _hashes(folder: Path) -> Iterator[object]:
    for path in raw_files(folder):
        yield from read_columns(path, ["content_hash"])[0].to_pylist()
