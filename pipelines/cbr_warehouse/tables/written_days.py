"""Partitions that were written, and are put in place by the process that commits them.

Another process may have written them, and been killed since.
"""

from dataclasses import dataclass
from pathlib import Path

from cbr_warehouse.storage.atomic_write import put_in_place, remove_file
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.staged_files import discard_staged
from cbr_warehouse.tables.build_state import TaskEnds


@dataclass(frozen=True)
class WrittenDays:
    """Partitions that are written in full beside their places, where no reader looks.

    Attributes:
        temporary: Begins the names of the files.
        rows: Rows by table, of each day, those of ``TEXTS`` too; where there are none, there is no file.
        files: Size in bytes and checksum of each file by table, of each day.
        ends: When the tasks of each day ended, where that is known.
    """

    temporary: str
    rows: dict[str, dict[str, int]]
    files: dict[str, dict[str, tuple[int, str]]]
    ends: dict[str, TaskEnds]


def place_days(directory: DataDirectory, source: str, written: WrittenDays) -> None:
    """Replaces all partitions of some days by those that were written, each whole.

    Args:
        directory: The data directory.
        source: Name of the source.
        written: What was written, by whichever process.

    Raises:
        StorageError: A file could not be moved, or is not there as it was written.
    """
    try:
        places = {
            directory.partition(table, source, day): table in written.files[day]
            for day, counts in written.rows.items()
            for table in counts
        }
        put_in_place(
            {path: written_path(path, written.temporary) for path, is_made in places.items() if is_made}
        )
        for path in (path for path, is_made in places.items() if not is_made):
            remove_file(path)
    finally:
        remove_unplaced(directory, source, written)


def remove_unplaced(directory: DataDirectory, source: str, written: WrittenDays) -> None:
    """Removes what was written and not put in place, and folders made for nothing."""
    for day in written.rows:
        for table in written.rows[day]:
            path = directory.partition(table, source, day)
            discard_staged(written_path(path, written.temporary), path)


def written_path(path: Path, temporary: str) -> Path:
    """Where a partition is written, beside its place.

    Args:
        path: Its place.
        temporary: Begins the names of files that are written.
    """
    return path.with_name(f"{temporary}-0.parquet")
