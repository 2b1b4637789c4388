"""Compacts the raw files of a day without making its tables dirty; finishes what was killed."""

from cbr_warehouse.raw.compaction import Compaction, compact, finish_replacement, pending_replacement
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build_state import read_state, rename_inputs


def compact_day(directory: DataDirectory, source: str, work: Compaction) -> bool:
    """Replaces files of a day by one.

    Args:
        directory: The data directory.
        source: Name of the source, whose lock the caller holds.
        work: The files.

    Returns:
        Whether they were replaced: not where the tables do not have them yet, or one is damaged.

    Raises:
        StorageError: A file could not be read or written; every record is still there.
    """
    if work.kind == "records":
        state = read_state(directory, source, work.day)
        if state is None or not set(work.names) <= set(state.records):
            return False
    if compact(directory, source, work) is None:
        return False
    resume_compaction(directory, source)
    return True


def resume_compaction(directory: DataDirectory, source: str) -> None:
    """Comes to the end of a compaction, if one is under way. Only for the holder of the source's lock.

    Raises:
        StorageError: A file could not be written or removed.
    """
    found = pending_replacement(directory, source)
    if found is None:
        return
    if found.kind == "records":
        # Before the files go: a file that the tables were made from and that is gone counts as lost.
        rename_inputs(directory, source, found.day, found.names, found.by)
    finish_replacement(directory, source, found)
