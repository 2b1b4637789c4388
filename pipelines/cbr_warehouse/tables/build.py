"""Rebuilds the partitions of all dirty days of a source, from raw alone.

Days are made in batches of bounded size; each partition is replaced whole by a rename, and a
day's note is written last, so an interrupted run only leaves days to make again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.raw.damage import find_damaged
from cbr_warehouse.raw.files import text_bytes
from cbr_warehouse.storage.atomic_write import remove_folder
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.files import is_file
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.memory import release_memory
from cbr_warehouse.tables import versions_sql
from cbr_warehouse.tables.accounting import RecordOutcomes, follow_records
from cbr_warehouse.tables.build_state import (
    DayInputs,
    MovedTasks,
    day_inputs,
    days_ordered_by_sight,
    gone_record_files,
    note_made,
    read_moved,
    read_state,
    tied_fingerprints,
    write_moved,
)
from cbr_warehouse.tables.engine import do_within_memory, open_engine
from cbr_warehouse.tables.partition_files import lacks_files
from cbr_warehouse.tables.partition_writer import PARTITIONED, TEXTS, PartitionWriter
from cbr_warehouse.tables.raw_view import RawView, drop_batch
from cbr_warehouse.tables.versions_sql import ORDERED_BY_SIGHT

BATCH_BYTES = 16 * 2**20
"""Bytes of record texts flattened at once; bounds the memory, not the result."""

BATCH_DAYS = 60
"""Days flattened at once, each of which has a file open per table."""


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
    release_memory()
    with as_storage_error(directory.root), open_engine(directory.root, 1) as engine:
        making = _Making(engine, directory, source, contract, inputs, moved)
        days, kept = making.choose(dirty, is_note_lost=noted is None)
        effects = making.make(days, load_id, progress)
    return Made(tuple(days), effects, kept)


class _Making:
    """Rebuilds the dirty days of a source."""

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        directory: DataDirectory,
        source: str,
        contract: Contract,
        inputs: dict[str, DayInputs],
        moved: MovedTasks,
    ) -> None:
        self._engine = engine
        self._directory = directory
        self._source = source
        self._contract = contract
        self._inputs = inputs
        self._moved = moved
        self._view = RawView(engine, directory, source, contract, inputs)
        self._writer = PartitionWriter(engine, directory, source, contract)

    def choose(self, dirty: set[str], *, is_note_lost: bool) -> tuple[list[str], frozenset[str]]:
        """Days to make again and days to keep, of the dirty ones and those tied to them.

        Args:
            dirty: Days that are not what their raw files say.
            is_note_lost: Whether the note of moved tasks is damaged: then all records say which moved.
        """
        searched = set(self._inputs) if is_note_lost else dirty
        unreadable = self._unreadable(self._tied(searched))
        self._view.find_moved(searched - unreadable, self._moved, every_file=is_note_lost)
        write_moved(self._directory, self._source, self._moved)
        wanted = self._tied(dirty)
        kept = self._moved.tied_to(unreadable | self._unreadable(wanted))
        kept |= self._moved.tied_to({day for day in wanted - kept if self._is_short(day)})
        return sorted(wanted - kept), frozenset(wanted & kept)

    def make(
        self, days: list[str], load_id: str | None, progress: Callable[[int, int], None]
    ) -> dict[str, RecordOutcomes]:
        """Rebuilds days and returns the outcomes of the load's records."""
        effects: dict[str, RecordOutcomes] = {}
        groups, wanted = self._moved.groups(), frozenset(days)
        rows: dict[str, dict[str, int]] = {}
        by_sight: set[str] = set()
        for batch in batches([self._inputs[day] for day in days]):
            self._flatten(batch)
            made = [found.day for found in batch]
            follow = partial(follow_records, self._engine, self._source, made, load_id)
            effects |= do_within_memory(self._engine, follow)
            rows |= self._writer.replace(made)
            by_sight.update(day for (day,) in self._engine.execute(ORDERED_BY_SIGHT).fetchall())
            drop_batch(self._engine)
            # Days that share a moved task are noted together: published one without the other, the
            # warehouse would have the task twice or not at all.
            tied = {day: groups.get(day, {day}) & wanted for day in made}
            complete = {day for group in tied.values() if group <= rows.keys() for day in group}
            self._note({day: rows[day] for day in sorted(complete)}, by_sight)
            progress(len(rows), len(days))
        return effects

    def _note(self, rows: Mapping[str, dict[str, int]], by_sight: set[str]) -> None:
        """Notes what the partitions of some days were made from."""
        fingerprints = tied_fingerprints(self._inputs, self._moved, by_sight)
        for day, counts in rows.items():
            note_made(
                self._directory,
                self._source,
                self._inputs[day],
                fingerprints[day],
                counts,
                is_ordered_by_sight=day in by_sight,
            )

    def _tied(self, days: set[str]) -> set[str]:
        return self._moved.tied_to(days) & set(self._inputs)

    def _unreadable(self, days: set[str]) -> set[str]:
        return {one.day for one in find_damaged(self._directory, self._source, sorted(days))}

    def _is_short(self, day: str) -> bool:
        """Whether files that a day was made from are gone, and not all they held was received again."""
        is_known = read_state(self._directory, self._source, day) is not None
        if is_known and not gone_record_files(self._directory, self._source, day):
            return False
        if not is_known and not any(
            is_file(self._directory.partition(table, self._source, day)) for table in PARTITIONED
        ):
            return False
        self._flatten([self._inputs[day]], all_contested=True)
        return do_within_memory(self._engine, partial(self._writer.would_shrink, day))

    def _flatten(self, batch: list[DayInputs], *, all_contested: bool = False) -> None:
        flatten(self._engine, self._view, self._contract, batch, self._moved, all_contested=all_contested)


def flatten(
    engine: duckdb.DuckDBPyConnection,
    view: RawView,
    contract: Contract,
    batch: list[DayInputs],
    moved: MovedTasks,
    *,
    all_contested: bool = False,
) -> None:
    """Makes the temporary tables of a batch of days, from which partitions are written.

    Args:
        engine: Where they are made.
        view: The raw files of the source.
        contract: The contract.
        batch: The days.
        moved: Tasks seen under more than one day.
        all_contested: Whether no text takes the short way.
    """
    steps: tuple[Callable[[], object], ...] = (
        partial(view.fill, batch, moved, all_contested=all_contested),
        *(partial(engine.execute, statement) for statement in versions_sql.steps(contract)),
    )
    for step in steps:
        do_within_memory(engine, step)


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


def batches(inputs: list[DayInputs]) -> Iterator[list[DayInputs]]:
    """Days in groups of which each is flattened at once, in bounded memory."""
    batch: list[DayInputs] = []
    size = 0
    for found in inputs:
        own = sum(text_bytes(path) for path in found.records)
        if batch and (size + own > BATCH_BYTES or len(batch) == BATCH_DAYS):
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += own
    if batch:
        yield batch
