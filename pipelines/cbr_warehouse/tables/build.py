"""Rebuilds the partitions of all dirty days of a source, from raw alone.

Days are made in batches of bounded size; each partition is replaced whole by a rename, and a
day's note is written last, so an interrupted run only leaves days to make again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.storage.atomic_write import remove_folder, remove_unfinished
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.files import total_bytes
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.memory import release_memory
from cbr_warehouse.tables.accounting import RecordOutcomes
from cbr_warehouse.tables.build_state import (
    DayInputs,
    MovedTasks,
    PartitionState,
    TaskEnds,
    day_inputs,
    days_ordered_by_sight,
    note_made,
    read_moved,
    read_state,
    tied_fingerprints,
    write_moved,
)
from cbr_warehouse.tables.engine import open_engine
from cbr_warehouse.tables.make_days import ChosenDays, DayMaker, MadeDays
from cbr_warehouse.tables.partition_files import lacks_files
from cbr_warehouse.tables.partition_writer import TEXTS
from cbr_warehouse.tables.shares import SharedMaker
from cbr_warehouse.tables.written_days import place_days


@dataclass(frozen=True)
class Made:
    """What a run made.

    Attributes:
        days: The days whose partitions were replaced.
        effects: Outcomes of all records of the load on a day, by day made.
        kept: Days left as they are though their raw files changed: what they were made from is damaged,
            or gone and not received again.
    """

    days: tuple[str, ...] = ()
    effects: Mapping[str, RecordOutcomes] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()


def make_tables(
    directory: DataDirectory,
    source: str,
    contract: Contract,
    *,
    load_id: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    runner: ShareRunner = IN_PROCESS,
) -> Made:
    """Brings the partitions of a source up to its raw files.

    A damaged raw file never removes rows from existing tables: where raw lacks what a day was made
    from, the day stays as it is, and with it the days that share a moved task with it.

    Args:
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        load_id: The load whose record outcomes are returned.
        progress: Called with days made and days to make.
        runner: Makes the days where there is enough to make; otherwise this process does.

    Returns:
        What was made.

    Raises:
        StorageError: A file could not be read or written.
        ConservationError: Some records would be lost on their way; no partition of theirs is replaced.
    """
    inputs = {day: day_inputs(directory, source, day, contract) for day in directory.days(source)}
    noted = read_moved(directory, source)
    moved = MovedTasks() if noted is None else noted
    by_sight = days_ordered_by_sight(directory, source, inputs)
    dirty = _dirty(directory, source, tied_fingerprints(inputs, moved, by_sight))
    if not dirty and noted is not None:
        return Made()
    is_shared = runner.distributes(partial(_disk_bytes, inputs, dirty))
    effects: dict[str, RecordOutcomes] = {}
    try:
        with _open_maker(directory, source, contract, inputs, moved, runner if is_shared else None) as maker:
            chosen = maker.choose(dirty, is_note_lost=noted is None)
            write_moved(directory, source, chosen.moved)
            commit = _Commit(directory, source, inputs, chosen)
            for made in maker.make(chosen, load_id):
                commit.take(made)
                effects |= made.outcomes
                progress(len(commit.rows), len(chosen.days))
    finally:
        if is_shared:
            _remove_left(directory, source)
    return Made(chosen.days, effects, chosen.kept)


def _disk_bytes(inputs: Mapping[str, DayInputs], days: Iterable[str]) -> int:
    """Bytes of the record files of some days, as they are on the disk."""
    return total_bytes(path for day in days for path in inputs[day].records)


def _remove_left(directory: DataDirectory, source: str) -> None:
    """Removes what workers wrote whose result nobody got: they were killed, or computed a share again."""
    for folder in directory.source_folders(source):
        if folder.is_relative_to(directory.tables):
            remove_unfinished(folder)


@contextmanager
def _open_maker(
    directory: DataDirectory,
    source: str,
    contract: Contract,
    inputs: dict[str, DayInputs],
    moved: MovedTasks,
    runner: ShareRunner | None,
) -> Iterator[DayMaker | SharedMaker]:
    """What makes days: the workers of a runner, or one engine of this process."""
    if runner is not None:
        yield SharedMaker(runner, directory, source, contract, inputs, moved)
        return
    release_memory()
    with as_storage_error(directory.root), open_engine(directory.root, 1) as engine:
        yield DayMaker(engine, directory, source, contract, inputs, moved)


class _Commit:
    """Puts days of a source in place and notes what they were made from.

    Days that share a moved task are noted together: published one without the other, the warehouse would
    have the task twice or not at all.
    """

    def __init__(
        self, directory: DataDirectory, source: str, inputs: Mapping[str, DayInputs], chosen: ChosenDays
    ) -> None:
        self._directory = directory
        self._source = source
        self._inputs = inputs
        self._moved = chosen.moved
        self._groups = chosen.moved.groups()
        self._wanted = frozenset(chosen.days)
        self._by_sight: set[str] = set()
        self._files: dict[str, dict[str, tuple[int, str]]] = {}
        self._ends: dict[str, TaskEnds] = {}
        self.rows: dict[str, dict[str, int]] = {}

    def take(self, made: MadeDays) -> None:
        """Puts a batch in place.

        Raises:
            StorageError: A file could not be moved or written.
        """
        place_days(self._directory, self._source, made.written)
        self.rows |= made.written.rows
        self._files |= made.written.files
        self._ends |= made.written.ends
        self._by_sight |= made.by_sight
        tied = {day: self._groups.get(day, {day}) & self._wanted for day in made.written.rows}
        complete = {day for group in tied.values() if group <= self.rows.keys() for day in group}
        fingerprints = tied_fingerprints(self._inputs, self._moved, self._by_sight)
        for day in sorted(complete):
            state = PartitionState(
                fingerprints[day],
                (),
                self.rows[day],
                day in self._by_sight,
                self._files[day],
                self._ends.get(day),
            )
            note_made(self._directory, self._source, self._inputs[day], state)


def forget_tables(directory: DataDirectory) -> None:
    """Removes all partitions and notes of what they were made from, so that all are rebuilt.

    The notes go first: killed in between, this leaves partitions to make again, and never the note
    of one that is gone.

    Raises:
        StorageError: Something could not be removed.
    """
    for folder in (directory.partition_states, directory.tables / TEXTS, *directory.table_folders()):
        remove_folder(folder)


def _dirty(directory: DataDirectory, source: str, wanted: Mapping[str, str]) -> set[str]:
    return {day for day, fingerprint in wanted.items() if _is_dirty(directory, source, day, fingerprint)}


def _is_dirty(directory: DataDirectory, source: str, day: str, fingerprint: str) -> bool:
    state = read_state(directory, source, day)
    return state is None or state.fingerprint != fingerprint or lacks_files(directory, source, day, state)
