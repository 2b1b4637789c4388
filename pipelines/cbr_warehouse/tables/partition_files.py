"""Whether the partition files of a source are what was written, and which days to make again if not."""

import logging
from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from cbr_warehouse.storage.disk_errors import as_read_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build_state import (
    PartitionState,
    file_checksum,
    gone_record_files,
    read_state,
    write_state,
)

logger = logging.getLogger(__name__)


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


def find_lacking(directory: DataDirectory, source: str, days: Iterable[str]) -> set[str]:
    """Finds days of which a partition file is missing or has another size, without reading any file.

    A day whose raw files are not all there is left out, as in :func:`make_dirty`.

    Args:
        directory: The data directory.
        source: Name of the source.
        days: The days that are looked at, each ``YYYY-MM-DD`` or ``unknown``.
    """
    found = set()
    for day in sorted(days):
        state = read_state(directory, source, day)
        if state is None:
            continue
        for table in (table for table, rows in state.rows.items() if rows):
            path = directory.partition(table, source, day)
            size = path.stat().st_size if path.is_file() else None
            noted = state.files[table][0] if table in state.files else size
            if size is not None and size == noted:
                continue
            if not gone_record_files(directory, source, day):
                what = "is missing, although rows were written to it" if size is None else "has another size"
                logger.warning("%s: %s. The day is made again from raw. Check the disk.", path, what)
                found.add(day)
            break
    return found


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
            write_state(directory, source, day, replace(state, fingerprint=""))
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


def _what_is_wrong(
    directory: DataDirectory, source: str, day: str, table: str, state: PartitionState
) -> str | None:
    path = directory.partition(table, source, day)
    if not path.is_file():
        return "is missing, although rows were written to it"
    if noted := state.files.get(table):
        is_sound = (path.stat().st_size, file_checksum(path)) == noted
        return None if is_sound else "is damaged: its content does not match its checksum"
    with as_read_error(path):  # written before checksums of partitions were noted
        try:
            rows = pq.read_table(path, partitioning=None).num_rows
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            return f"is damaged ({str(error).splitlines()[0]})"
    return None if rows == state.rows[table] else "is damaged: it lacks rows"
