"""Removes old inventories: their sightings, and the texts that no later one has.

A note says from which load on inventories are kept, before anything is removed: killed at any step, the next
maintenance comes to the end of it. Which are old is decided by ``load``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from cbr_warehouse.raw.files import checksum, compacted_stem, count_rows, read_columns, replacing
from cbr_warehouse.raw.inventory import (
    INVENTORY_RECORDS,
    read_noted_snapshots,
    read_snapshots,
    record_files,
    records_folder,
    sighting_files,
    sightings_folder,
    write_kept_from,
)
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, put_in_place, remove_file
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.files import read_existing
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.parquet_files import open_parquet, write_parquet


def remove_inventories(directory: DataDirectory, source: str, kept_from: str) -> None:
    """Removes the inventories of loads before one, and what an interrupted removal left.

    Only for the holder of the source's lock.

    Args:
        directory: The data directory.
        source: Name of the source.
        kept_from: Id of the first load whose inventory is kept.

    Raises:
        DamagedFileError: An entry of the ledger is not what was written.
        StorageError: A file could not be read, written or removed.
    """
    write_kept_from(directory, source, kept_from)
    old = [path for path in record_files(directory, source) if path.name < kept_from]
    if old:
        _keep_referenced(directory, source, old)
    _remove_replaced(directory, source)
    remove_unnoted_sightings(directory, source)


def remove_unnoted_sightings(directory: DataDirectory, source: str) -> None:
    """Removes files of sightings that belong to no inventory: of removed ones, or of loads that were killed.

    Only for the holder of the source's lock.
    """
    noted = read_noted_snapshots(directory, source)
    names = {one.sightings.name for one in noted if one.sightings is not None}
    for path in raw_files(sightings_folder(directory, source)):
        if path.name not in names:
            remove_file(path)


def _keep_referenced(directory: DataDirectory, source: str, old: Sequence[Path]) -> None:
    """Puts the texts that are still seen into one file, and removes the others with their files."""
    referenced = _referenced(directory, source)
    total = sum(map(count_rows, old))
    kept = sum(len(pc.drop_null(_matches(path, referenced))) for path in old)
    if kept == total and len(old) == 1:
        return
    if kept:
        _write_kept(records_folder(directory, source), old, referenced)
        return
    for path in old:
        remove_file(path)


def _write_kept(folder: Path, old: Sequence[Path], referenced: "pa.Array[Any]") -> None:
    schema = replacing(INVENTORY_RECORDS, old)
    temporary = folder / f"{TEMPORARY_PREFIX}{uuid4().hex}-kept.parquet"
    try:
        with as_storage_error(folder):
            with write_parquet(temporary, schema) as writer:
                for part in _parts(old, referenced):
                    writer.write_table(part.cast(schema))
            name = (
                f"{compacted_stem([path.name for path in old])}-{checksum(read_existing(temporary))}.parquet"
            )
        put_in_place({folder / name: temporary})
    finally:
        remove_file(temporary)


def _parts(old: Sequence[Path], referenced: "pa.Array[Any]") -> Iterator[pa.Table]:
    for path in old:
        with open_parquet(path) as file:
            for number in range(file.num_row_groups):
                part = file.read_row_group(number).select(INVENTORY_RECORDS.names)
                yield part.filter(pc.is_in(part["content_hash"], value_set=referenced))


def _matches(path: Path, referenced: "pa.Array[Any]") -> "pa.ChunkedArray[Any]":
    hashes = read_columns(path, ["content_hash"])["content_hash"]
    return hashes.filter(pc.is_in(hashes, value_set=referenced))


def _referenced(directory: DataDirectory, source: str) -> "pa.Array[Any]":
    """The hashes of all texts that an inventory saw which is kept."""
    found: pa.Array[Any] = pa.array([], pa.string())
    for path in sighting_files(directory, source, read_snapshots(directory, source)):
        seen = read_columns(path, ["content_hash"])["content_hash"].combine_chunks()
        found = pc.unique(pa.concat_arrays([found, seen]))
    return found


def _remove_replaced(directory: DataDirectory, source: str) -> None:
    """Removes files whose content is in another one now."""
    present, current = raw_files(records_folder(directory, source)), record_files(directory, source)
    for path in sorted({*present} - {*current}):
        remove_file(path)
