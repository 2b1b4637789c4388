"""Files of inventories that are damaged or gone: found by their checksums, set aside, never removed.

A text that is lost with its file is stored again by the next inventory that receives it.
"""

from collections.abc import Sequence
from pathlib import Path

from cbr_warehouse.raw.files import is_intact
from cbr_warehouse.raw.inventory import (
    missing_files,
    read_noted_snapshots,
    records_folder,
    sightings_folder,
)
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.atomic_write import move_file, write_json
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory


def inventory_paths(directory: DataDirectory, source: str) -> tuple[Path, ...]:
    """All Parquet files of a source's inventories."""
    return (
        *raw_files(records_folder(directory, source)),
        *raw_files(sightings_folder(directory, source)),
    )


def find_damaged_inventory(directory: DataDirectory, source: str) -> tuple[Path, ...]:
    """The files whose content is not what the checksum in their name says.

    Raises:
        StorageError: A file cannot be read at all.
    """
    return tuple(path for path in inventory_paths(directory, source) if not is_intact(path))


def find_gone_inventory(
    directory: DataDirectory, source: str, noted: Sequence[Snapshot] | None = None
) -> tuple[Path, ...]:
    """The files that the ledger names, that are gone, and of which no load has taken note.

    Args:
        directory: The data directory.
        source: Name of the source.
        noted: The snapshots that the ledger names; None where they have not been read yet.

    Raises:
        DamagedFileError: An entry of the ledger is not what was written.
    """
    known = read_noted_snapshots(directory, source) if noted is None else noted
    missing = missing_files(directory, source, known)
    return tuple(path for path in missing if not any(exists(one) for one in _notes(directory, source, path)))


def set_inventory_aside(directory: DataDirectory, source: str) -> tuple[Path, ...]:
    """Moves damaged files to where no load reads them, and takes note of those that are gone.

    Only for the holder of the source's lock.

    Args:
        directory: The data directory.
        source: Name of the source.

    Returns:
        Where the files were.

    Raises:
        DamagedFileError: An entry of the ledger is not what was written.
        StorageError: A file cannot be moved.
    """
    damaged, gone = find_damaged_inventory(directory, source), find_gone_inventory(directory, source)
    for path in damaged:
        move_file(path, _notes(directory, source, path)[0])
    for path in gone:
        write_json(_notes(directory, source, path)[1], {})
    return damaged + gone


def _notes(directory: DataDirectory, source: str, path: Path) -> tuple[Path, Path]:
    """Where a file is set aside, and the note that it is gone."""
    folder = directory.raw_ledger("damaged", source) / "inventory"
    name = f"{path.parent.name}-{path.name}"
    return folder / name, folder / f"{name}.gone"
