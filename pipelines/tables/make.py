"""Makes the partitions of all dirty days of a source again, from raw alone.

Days are made in batches of bounded size; each partition is replaced whole by a rename, and a
day's note is written last, so an interrupted run only leaves days to make again.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import pyarrow.parquet as pq

from pipelines.contract.columns import Contract
from pipelines.storage.layout import DataDirectory
from pipelines.storage.whole import as_storage_error
from pipelines.tables import versions_sql
from pipelines.tables.effects import Effects, follow_records
from pipelines.tables.engine import do_within_memory, open_engine
from pipelines.tables.inputs import (
    DayInputs,
    day_inputs,
    made_from,
    note_made,
    read_moved,
    tied_fingerprints,
    write_moved,
)
from pipelines.tables.partitions import PartitionWriter
from pipelines.tables.raw_view import RawView
from pipelines.tables.recheck import recheck_stale

BATCH_RECORDS = 5_000
"""Records flattened at once; bounds the memory, not the result."""


@dataclass(frozen=True)
class Made:
    """What a run made.

    Attributes:
        days: The days whose partitions were replaced.
        effects: What all records of the load on a day came to, by day made.
    """

    days: tuple[str, ...] = ()
    effects: Mapping[str, Effects] = field(default_factory=dict)


def make_tables(
    directory: DataDirectory,
    source: str,
    contract: Contract,
    *,
    load_id: str | None = None,
    keep: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Made:
    """Brings the partitions of a source up to its raw files.

    Args:
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        load_id: The load whose records are to be told apart by what they came to.
        keep: Days to leave as they are, though their raw files changed.
        progress: Called with days made and days to make.

    Returns:
        What was made.

    Raises:
        StorageError: A file could not be written.
        ConservationError: Some records would be lost on their way; no partition of theirs is replaced.
    """
    inputs = {day: day_inputs(directory, source, day, contract) for day in directory.raw_days(source)}
    moved = read_moved(directory, source)
    dirty = _dirty(directory, source, tied_fingerprints(inputs, moved)) - keep
    if not dirty:
        return Made()
    effects: dict[str, Effects] = {}
    with as_storage_error(directory.root), open_engine(directory.root) as engine:
        view = RawView(engine, directory, source, inputs)
        view.find_moved(dirty, moved)
        write_moved(directory, source, moved)
        wanted = tied_fingerprints(inputs, moved)
        writer = PartitionWriter(engine, directory, source, contract)
        days = sorted(moved.tied_to(dirty) & set(inputs) - keep)
        for batch in _batches([inputs[day] for day in days]):
            steps: tuple[Callable[[], object], ...] = (
                partial(view.fill, batch, moved),
                partial(recheck_stale, engine, contract),
                *(partial(engine.execute, statement) for statement in versions_sql.steps(contract)),
            )
            for step in steps:
                do_within_memory(engine, step)
            made = [found.day for found in batch]
            effects |= do_within_memory(engine, partial(follow_records, engine, source, made, load_id))
            for found in batch:
                rows = do_within_memory(engine, partial(writer.replace, found.day))
                note_made(directory, source, found, wanted[found.day], rows)
                progress(days.index(found.day) + 1, len(days))
    return Made(tuple(days), effects)


def dirty_days(directory: DataDirectory, source: str, contract: Contract) -> frozenset[str]:
    """Days of a source whose partitions are not made from what raw holds now."""
    inputs = {day: day_inputs(directory, source, day, contract) for day in directory.raw_days(source)}
    return frozenset(_dirty(directory, source, tied_fingerprints(inputs, read_moved(directory, source))))


def forget_tables(directory: DataDirectory) -> None:
    """Removes all partitions and notes of what they were made from, so that all are made again.

    The notes go first: killed in between, this leaves partitions to make again, and never the note
    of one that is gone.

    Raises:
        StorageError: Something could not be removed.
    """
    with as_storage_error(directory.tables):
        for folder in (directory.partition_states, *directory.tables.glob("*/")):
            if folder.is_dir():
                shutil.rmtree(folder)


def _dirty(directory: DataDirectory, source: str, wanted: Mapping[str, str]) -> set[str]:
    return {day for day, fingerprint in wanted.items() if fingerprint != made_from(directory, source, day)}


def _batches(inputs: list[DayInputs]) -> Iterator[list[DayInputs]]:
    batch: list[DayInputs] = []
    size = 0
    for found in inputs:
        own = sum(pq.read_metadata(path).num_rows for path in found.records)
        if batch and size + own > BATCH_RECORDS:
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += own
    if batch:
        yield batch
