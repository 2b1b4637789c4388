"""Whether the partition files of a source are what was written, and which days to make again if not."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cbr_warehouse.storage.files import size_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.parquet_files import open_parquet
from cbr_warehouse.tables.build_state import (
    BROKEN,
    PartitionState,
    file_checksum,
    gone_record_files,
    read_state,
    write_state,
)

logger = logging.getLogger(__name__)

_NOT_AS_WRITTEN = "is damaged: its content does not match its checksum"


def find_broken(directory: DataDirectory, source: str, days: Iterable[str]) -> dict[str, str]:
    """Finds days of which a partition file is missing or is not what was written.

    Args:
        directory: The data directory.
        source: Name of the source.
        days: The days whose files are read, each ``YYYY-MM-DD`` or ``unknown``.

    Returns:
        By day what is wrong, as a sentence that names the file; sound days are not in it.

    Raises:
        StorageError: The system refuses to read a file.
    """
    found: dict[str, str] = {}
    for day in sorted(days):
        state = read_state(directory, source, day)
        for table, rows in (state.rows if state else {}).items():
            if state and rows and (wrong := _what_is_wrong(directory, source, day, table, state)):
                path = directory.partition(table, source, day)
                found.setdefault(day, f"{path}: {wrong}.")
    return found


def lacks_files(directory: DataDirectory, source: str, day: str, state: PartitionState) -> bool:
    """Whether a partition file of a day is missing or has another size; no file is read.

    Not of a day whose raw files are not all there, as in :func:`make_dirty`.

    Args:
        directory: The data directory.
        source: Name of the source.
        day: The day, ``YYYY-MM-DD`` or ``unknown``.
        state: What its partitions were made from.
    """
    for table in (table for table, rows in state.rows.items() if rows):
        path = directory.partition(table, source, day)
        if (wrong := _wrong_by_size(path, state.files.get(table))) is None:
            continue
        if gone_record_files(directory, source, day):
            return False
        logger.warning("%s: %s. The day is made again from raw. Check the disk.", path, wrong)
        return True
    return False


def make_dirty(directory: DataDirectory, source: str, days: Iterable[str]) -> list[str]:
    """Lets days be made again from raw by the next ``make_tables``.

    A day whose raw files are not all there is left out: what its other partitions still hold could not
    be made again.

    Returns:
        The days that will be made again.
    """
    marked = []
    for day in sorted(days):
        state = read_state(directory, source, day)
        if state is not None and not gone_record_files(directory, source, day):
            write_state(directory, source, day, replace(state, fingerprint=BROKEN))
            marked.append(day)
    return marked


def mend(directory: DataDirectory, source: str, days: Iterable[str]) -> list[str]:
    """Finds broken days and lets them be made again, each with a warning.

    Returns:
        The days that will be made again.
    """
    broken = find_broken(directory, source, days)
    marked = make_dirty(directory, source, broken)
    for day in marked:
        logger.warning("%s The day is made again from raw. Check the disk.", broken[day])
    return marked


def _wrong_by_size(path: Path, noted: tuple[int, str] | None) -> str | None:
    size = size_of(path)
    if size is None:
        return "is missing, although rows were written to it"
    return _NOT_AS_WRITTEN if noted and size != noted[0] else None


def _what_is_wrong(
    directory: DataDirectory, source: str, day: str, table: str, state: PartitionState
) -> str | None:
    path, noted = directory.partition(table, source, day), state.files.get(table)
    if wrong := _wrong_by_size(path, noted):
        return wrong
    if noted:
        return None if file_checksum(path) == noted[1] else _NOT_AS_WRITTEN
    try:  # written before checksums of partitions were noted
        with open_parquet(path) as file:
            rows = file.read().num_rows
    except (pa.ArrowException, OSError) as error:
        return f"is damaged ({str(error).splitlines()[0]})"
    return None if rows == state.rows[table] else "is damaged: it lacks rows"
