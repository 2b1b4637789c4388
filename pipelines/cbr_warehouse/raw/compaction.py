"""Compacts raw files of a day: many small ones become one, which is verified before any is removed.

Records are copied unchanged, every one of them. Of the sightings in manifests, the first and the last
of each text are kept. A note says which file replaces which while that is under way: whoever holds the
source's lock next comes to its end, so that no reader of raw sees a record in two files.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw.files import (
    MANIFESTS,
    RECORDS,
    checksum,
    compacted_stem,
    is_intact,
    replacing,
)
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, put_in_place, remove_file
from cbr_warehouse.storage.checked_json import read_checked_json, write_checked_json
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.files import exists, read_existing, size_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.parquet_files import open_parquet, write_parquet

LARGE = 16 * 2**20
"""Bytes of a file that is large enough: it is not compacted again."""

_CHUNK = 8 * 2**20
"""Bytes of records in a row group. Writing and verifying one takes six times as much memory."""

_ORDER = ["content_hash", "fetched_at", "load_id", "sweep", "page", "position"]


@dataclass(frozen=True)
class Compaction:
    """Files of a day that become one.

    Attributes:
        kind: ``records`` or ``manifests``.
        day: Their UTC day, or ``unknown``.
        names: Their names, in order.
        bytes: Their size.
    """

    kind: str
    day: str
    names: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Replacement:
    """A compacted file in its place, and the files that it replaced and that may still be there.

    Attributes:
        kind: ``records`` or ``manifests``.
        day: Their UTC day, or ``unknown``.
        names: Names of the files replaced.
        by: Name of the compacted file.
    """

    kind: str
    day: str
    names: tuple[str, ...]
    by: str


def find_compaction(
    directory: DataDirectory, source: str, kind: str, day: str, most: int, most_bytes: int = 64 * 2**20
) -> Compaction | None:
    """What there is to compact of a day; None if that is nothing.

    Args:
        directory: The data directory.
        source: Name of the source.
        kind: ``records`` or ``manifests``.
        day: The UTC day, or ``unknown``.
        most: Number of small files that may stay as they are.
        most_bytes: Bytes of files to compact at once, which bounds time and memory.
    """
    sizes = {path.name: size_of(path) or 0 for path in raw_files(directory.raw_day(kind, source, day))}
    small = {name: size for name, size in sizes.items() if size < LARGE}
    if len(small) <= max(1, most):
        return None
    chosen: list[str] = []
    total = 0
    for name, size in small.items():
        if chosen and total + size > most_bytes:
            break
        chosen.append(name)
        total += size
    return Compaction(kind, day, tuple(chosen), total) if len(chosen) > 1 else None


def compact(directory: DataDirectory, source: str, work: Compaction) -> str | None:
    """Writes the file that replaces others, and the note of it; :func:`finish_replacement` does the rest.

    Only for the holder of the source's lock.

    Args:
        directory: The data directory.
        source: Name of the source.
        work: The files.

    Returns:
        Name of the file; None where one of those to be replaced is damaged, which is left to a load.

    Raises:
        DamagedFileError: The new file is not what was to be written; nothing was changed.
        StorageError: It could not be written; nothing was changed.
    """
    folder = directory.raw_day(work.kind, source, work.day)
    paths = [folder / name for name in work.names]
    if not all(map(is_intact, paths)):
        return None
    temporary = folder / f"{TEMPORARY_PREFIX}{uuid4().hex}-compacted.parquet"
    try:
        with as_storage_error(folder):
            _write(temporary, work.kind, paths)
            _verify(temporary, work.kind, paths)
            name = f"{compacted_stem(work.names)}-{checksum(read_existing(temporary))}.parquet"
        note = Replacement(work.kind, work.day, work.names, name)
        write_checked_json(directory.compaction_note(source), asdict(note))
        # With a sync of the file: those that it replaces, which are on the disk, are removed next.
        put_in_place({folder / name: temporary})
    finally:
        remove_file(temporary)
    return name


def pending_replacement(directory: DataDirectory, source: str) -> Replacement | None:
    """The replacement that is under way, if its file is in place; else what there is of it is removed."""
    path = directory.compaction_note(source)
    try:
        value = read_checked_json(path, ["kind", "day", "names", "by"])
    except DamagedFileError:
        remove_file(path)
        return None
    if value is None:
        return None
    found = Replacement(value["kind"], value["day"], tuple(value["names"]), value["by"])
    folder = directory.raw_day(found.kind, source, found.day)
    file = folder / found.by
    if exists(file) and is_intact(file):
        return found
    if all(exists(folder / name) for name in found.names):
        remove_file(file)
    remove_file(path)
    return None


def finish_replacement(directory: DataDirectory, source: str, found: Replacement) -> None:
    """Removes the files that were replaced, then the note.

    Raises:
        StorageError: One could not be removed; the next holder of the lock tries again.
    """
    folder = directory.raw_day(found.kind, source, found.day)
    for name in found.names:
        remove_file(folder / name)
    remove_file(directory.compaction_note(source))


def _write(target: Path, kind: str, paths: Sequence[Path]) -> None:
    schema = replacing(_schema(kind), paths)
    with write_parquet(target, schema) as writer:
        for chunk in _content(kind, paths):
            writer.write_table(chunk.cast(schema), row_group_size=max(1, chunk.num_rows))


def _verify(written: Path, kind: str, paths: Sequence[Path]) -> None:
    """Compares what was written with what it replaces, each read from its files."""
    with open_parquet(written) as file:
        groups = (file.read_row_group(number) for number in range(file.num_row_groups))
        if kind == "records":
            same: bool = all(
                one.equals(other) for one, other in zip(groups, _content(kind, paths), strict=True)
            )
        else:
            before = pa.concat_tables([table for path in paths for table in _tables(path, MANIFESTS)])
            after = pa.concat_tables([MANIFESTS.empty_table(), *groups])
            same = bool(_span(before).equals(_span(after)))
    if not same:
        raise DamagedFileError(written, "it is not what was to be written; nothing was removed")


def _content(kind: str, paths: Sequence[Path]) -> Iterator[pa.Table]:
    """What replaces the files, in parts of bounded size."""
    if kind == "manifests":
        kept = MANIFESTS.empty_table()
        for part in _in_parts(table for path in paths for table in _tables(path, MANIFESTS)):
            kept = _first_and_last(pa.concat_tables([kept, part]))
        yield kept.combine_chunks()
    else:
        yield from _in_parts(table for path in paths for table in _tables(path, RECORDS))


def _in_parts(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in fewer tables, none much larger than a row group may be."""
    pending: list[pa.Table] = []
    for table in tables:
        if pending and sum(one.nbytes for one in pending) + table.nbytes > _CHUNK:
            yield pa.concat_tables(pending).combine_chunks()
            pending = []
        pending.append(table)
    if pending:
        yield pa.concat_tables(pending).combine_chunks()


def _tables(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    with open_parquet(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number).select(schema.names).cast(schema)


def _first_and_last(sightings: pa.Table) -> pa.Table:
    """The first and the last sighting of each text."""
    if sightings.num_rows == 0:
        return sightings
    ordered = sightings.sort_by([(name, "ascending") for name in _ORDER]).combine_chunks()
    texts: Any = ordered["content_hash"].combine_chunks()
    differs = pc.not_equal(texts[:-1], texts[1:])
    edge = pa.array([True], pa.bool_())
    is_first = pa.concat_arrays([edge, differs])
    is_last = pa.concat_arrays([differs, edge])
    return ordered.filter(pc.or_(is_first, is_last))


def _span(sightings: pa.Table) -> pa.Table:
    """When each text was seen first and last."""
    spans = sightings.group_by("content_hash").aggregate([("fetched_at", "min"), ("fetched_at", "max")])
    return spans.sort_by("content_hash").combine_chunks()


def _schema(kind: str) -> pa.Schema:
    return RECORDS if kind == "records" else MANIFESTS
