"""Makes days of a source from raw with one engine, in the caller's process or on a worker.

Which days are dirty, what becomes of what was made, and its notes are decided in ``build``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.raw.damage import find_damaged
from cbr_warehouse.raw.files import text_bytes
from cbr_warehouse.storage.files import is_file
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables import versions_sql
from cbr_warehouse.tables.accounting import RecordOutcomes, follow_records
from cbr_warehouse.tables.build_state import DayInputs, MovedTasks, gone_record_files, read_state
from cbr_warehouse.tables.engine import do_within_memory
from cbr_warehouse.tables.partition_writer import PARTITIONED, PartitionWriter
from cbr_warehouse.tables.raw_view import RawView, drop_batch
from cbr_warehouse.tables.versions_sql import ORDERED_BY_SIGHT
from cbr_warehouse.tables.written_days import WrittenDays

BATCH_BYTES = 16 * 2**20
"""Bytes of record texts flattened at once; bounds the memory, not the result."""

BATCH_DAYS = 60
"""Days flattened at once, each of which has a file open per table."""


@dataclass(frozen=True)
class ChosenDays:
    """What is to be done with dirty days, and those tied to them.

    Attributes:
        days: Days to make again, in order.
        kept: Days to leave as they are, because raw lacks what they were made from.
        moved: Tasks seen under more than one day, with those found now.
    """

    days: tuple[str, ...]
    kept: frozenset[str]
    moved: MovedTasks


@dataclass(frozen=True)
class MadeDays:
    """A batch of days that was made, and not yet put in place.

    Attributes:
        written: Its files.
        outcomes: Outcomes of the load's records by day.
        by_sight: Days of tasks whose newest version is newest only because it was seen last.
    """

    written: WrittenDays
    outcomes: Mapping[str, RecordOutcomes] = field(default_factory=dict)
    by_sight: frozenset[str] = frozenset()


class DayMaker:
    """Makes days of a source.

    Args:
        engine: An engine of this source alone.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        inputs: Raw files of the days that are named, and of those tied to them.
        moved: The tasks seen under more than one day.
    """

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

    def choose(self, dirty: Iterable[str], *, is_note_lost: bool) -> ChosenDays:
        """Days to make again and days to keep, of the dirty ones and those tied to them.

        Args:
            dirty: Days that are not what their raw files say.
            is_note_lost: Whether the note of moved tasks is damaged: then all records say which moved.
        """
        dirty = set(dirty)
        searched = set(self._inputs) if is_note_lost else dirty
        unreadable = self._unreadable(self._tied(searched))
        self._view.find_moved(searched - unreadable, self._moved, every_file=is_note_lost)
        wanted = self._tied(dirty)
        kept = self._moved.tied_to(unreadable | self._unreadable(wanted))
        kept |= self._moved.tied_to({day for day in wanted - kept if self._is_short(day)})
        return ChosenDays(tuple(sorted(wanted - kept)), frozenset(wanted & kept), self._moved)

    def make(self, chosen: ChosenDays, load_id: str | None) -> Iterator[MadeDays]:
        """Makes the chosen days batch by batch; the caller puts each in place before the next is made.

        Args:
            chosen: The days.
            load_id: The load whose record outcomes are returned.
        """
        for batch in batches([self._inputs[day] for day in chosen.days]):
            yield self.make_batch([found.day for found in batch], load_id)

    def make_batch(self, days: Sequence[str], load_id: str | None) -> MadeDays:
        """Makes a batch of days.

        Args:
            days: The days, which fit into memory together.
            load_id: The load whose record outcomes are returned.

        Raises:
            StorageError: A file could not be read or written.
            ConservationError: Some records would be lost on their way.
        """
        self._flatten([self._inputs[day] for day in days])
        follow = partial(follow_records, self._engine, self._source, days, load_id)
        outcomes = do_within_memory(self._engine, follow)
        written = self._writer.write(days)
        by_sight = frozenset(day for (day,) in self._engine.execute(ORDERED_BY_SIGHT).fetchall())
        drop_batch(self._engine)
        return MadeDays(written, outcomes, by_sight)

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


def batches(inputs: Iterable[DayInputs]) -> Iterator[list[DayInputs]]:
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
