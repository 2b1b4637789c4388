"""Records that raw tells of and does not hold: a manifest names them, and no file has them any more."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from cbr_warehouse.raw.damage import days_with_files_set_aside
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.layout import DataDirectory


def count_missing(directory: DataDirectory, source: str) -> dict[str, int]:
    """Counts a source's missing records by day; days with files set aside do not count: their loss is known.

    Args:
        directory: The data directory; it holds no damaged file.
        source: Name of the source.
    """
    days = directory.raw_days(source)
    known = days_with_files_set_aside(directory, source)
    missing = {day: _named(directory, source, [day]) - _held(directory, source, [day]) for day in days}
    doubtful = {day: lacking for day, lacking in missing.items() if lacking and day not in known}
    # What a wider contract could date is filed under its day too.
    held = _held(directory, source, days) if doubtful else set()
    return {day: len(lacking - held) for day, lacking in doubtful.items() if lacking - held}


def _named(directory: DataDirectory, source: str, days: Iterable[str]) -> set[object]:
    return {text for day in days for text in _hashes(directory.raw_day("manifests", source, day))}


def _held(directory: DataDirectory, source: str, days: Iterable[str]) -> set[object]:
    return {text for day in days for text in _hashes(directory.raw_day("records", source, day))}


def _hashes(folder: Path) -> Iterator[object]:
    for path in raw_files(folder):
        yield from pq.read_table(path, columns=["content_hash"])[0].to_pylist()
