"""Reading the inventories of a source: what it had at one moment, as received, append-only.

Below ``raw/inventory/source=<source>``:

- ``records/*.parquet``: each distinct text once, under the load that received it first;
- ``snapshots/*.parquet``: which text each object had when a load asked;
- ``*.json``, a ledger like the others of raw: which lists a load received and whether completely. It is
  written last: a snapshot without its entry does not exist.

Writing them is ``inventory_writer``. Nothing here knows the keys of a record but its id.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from cbr_warehouse.raw.files import INSTANT, all_replaced
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledger_files import read_entries
from cbr_warehouse.raw.ledgers import parse_entry
from cbr_warehouse.storage.checked_json import read_checked_json, write_checked_json
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory

LEDGER = "inventory"

_RECORD_FIELDS: list["pa.Field[Any]"] = [
    pa.field("content_hash", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("object_type", pa.string()),
    pa.field("object_id", pa.string()),
    pa.field("record_text", pa.string(), nullable=False),
    pa.field("record_bytes", pa.binary()),
    pa.field("load_id", pa.string(), nullable=False),
    pa.field("fetched_at", INSTANT, nullable=False),
]
INVENTORY_RECORDS = pa.schema(_RECORD_FIELDS)
"""A distinct text of a kind and type of object, with its first receipt.

``object_id`` is NULL where the text has no usable id. ``record_bytes`` has what the text cannot say exactly,
as in ``raw.files.RECORDS``."""

INVENTORY_SIGHTINGS = pa.schema(
    [
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("object_type", pa.string()),
        pa.field("object_id", pa.string()),
        pa.field("content_hash", pa.string(), nullable=False),
    ]
)
"""That a load received an object with a text; one row for each object and text."""


def read_snapshots(directory: DataDirectory, source: str) -> tuple[Snapshot, ...]:
    """The snapshots of a source, oldest first; none if its inventory was never asked for.

    One whose file of sightings is gone is left out: what it saw is not known any more.

    Args:
        directory: The data directory.
        source: Name of the source.

    Raises:
        DamagedFileError: An entry of the ledger is not what was written.
        StorageError: A file cannot be read.
    """
    folder = sightings_folder(directory, source)
    return tuple(
        snapshot
        for snapshot in read_noted_snapshots(directory, source)
        if snapshot.sightings is None or exists(folder / snapshot.sightings.name)
    )


def sighting_files(directory: DataDirectory, source: str, snapshots: Iterable[Snapshot]) -> tuple[Path, ...]:
    """The files of ``INVENTORY_SIGHTINGS`` of some snapshots.

    DuckDB reads them, as those of texts, with ``hive_partitioning = false``.
    """
    folder = sightings_folder(directory, source)
    return tuple(folder / one.sightings.name for one in snapshots if one.sightings is not None)


def record_files(directory: DataDirectory, source: str) -> tuple[Path, ...]:
    """All files of texts, without those that another one replaces and that are about to be removed.

    A text is in one of them, whichever snapshot it is of.
    A load that was killed before it noted its snapshot has left its texts: they were received, and are not
    stored again.
    """
    paths = raw_files(records_folder(directory, source))
    replaced = all_replaced(paths)
    return tuple(path for path in paths if path.name not in replaced)


def read_noted_snapshots(directory: DataDirectory, source: str) -> tuple[Snapshot, ...]:
    """All snapshots that the ledger names, oldest first, whether or not their files are still there.

    Those that were removed because they were old are left out.

    Raises:
        DamagedFileError: An entry is not what was written.
    """
    entries = read_entries(directory.raw_ledger(LEDGER, source))
    kept_from = _read_kept_from(directory, source)
    return tuple(parse_entry(entry, Snapshot) for entry in entries if entry.stem >= kept_from)


def write_kept_from(directory: DataDirectory, source: str, load_id: str) -> None:
    """Notes the first load whose inventory is kept; what is before it counts as removed from then on.

    Raises:
        StorageError: The note could not be written.
    """
    if load_id > _read_kept_from(directory, source):
        write_checked_json(_kept_note(directory, source), {"load_id": load_id})


def _read_kept_from(directory: DataDirectory, source: str) -> str:
    note = read_checked_json(_kept_note(directory, source), ("load_id",))
    return "" if note is None else str(note["load_id"])


def _kept_note(directory: DataDirectory, source: str) -> Path:
    return directory.raw_ledger(LEDGER, source) / "removed" / "kept-from.json"


def missing_files(directory: DataDirectory, source: str, snapshots: Iterable[Snapshot]) -> tuple[Path, ...]:
    """Files that the ledger names and that are neither there nor replaced by another.

    Args:
        directory: The data directory.
        source: Name of the source.
        snapshots: The snapshots that the ledger names.
    """
    folder = records_folder(directory, source)
    present = raw_files(folder)
    stored = {path.name for path in present} | all_replaced(present)
    missing: list[Path] = []
    for snapshot in snapshots:
        missing += [folder / file.name for file in snapshot.records if file.name not in stored]
        missing += [path for path in sighting_files(directory, source, [snapshot]) if not exists(path)]
    return tuple(missing)


def records_folder(directory: DataDirectory, source: str) -> Path:
    """Where the files of texts are."""
    return directory.raw_ledger(LEDGER, source) / "records"


def sightings_folder(directory: DataDirectory, source: str) -> Path:
    """Where the files of sightings are."""
    return directory.raw_ledger(LEDGER, source) / "snapshots"
