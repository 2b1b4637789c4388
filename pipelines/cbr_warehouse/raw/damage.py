"""Raw files that no longer hold what was written: found by their checksums, set aside, never removed.

Those that are gone without a trace are noted beside them.

Whether what they held can be fetched again is not known here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cbr_warehouse.raw.files import is_intact
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.atomic_write import move_file, write_json
from cbr_warehouse.storage.layout import DAY_PREFIX, DataDirectory

KINDS = ("records", "manifests")


@dataclass(frozen=True)
class DamagedFile:
    """A raw file whose content is not what its name's checksum says.

    Attributes:
        kind: ``records`` or ``manifests``.
        day: Its UTC day, or ``unknown``.
        path: Where it is.
    """

    kind: str
    day: str
    path: Path


def find_damaged(directory: DataDirectory, source: str, days: Iterable[str]) -> tuple[DamagedFile, ...]:
    """Reads every raw file of some days of a source and compares it with its checksum.

    Raises:
        StorageError: A file cannot be read at all.
    """
    return tuple(
        DamagedFile(kind, day, path)
        for day in days
        for kind in KINDS
        for path in raw_files(directory.raw_day(kind, source, day))
        if not is_intact(path)
    )


def set_aside(directory: DataDirectory, source: str, damaged: Iterable[DamagedFile]) -> None:
    """Moves damaged files to where no load reads them; their names say when and what they were.

    Raises:
        StorageError: A file cannot be moved.
    """
    for one in damaged:
        folder = directory.raw_day("damaged", source, one.day)
        move_file(one.path, folder / f"{one.kind}-{one.path.name}")


def note_gone(directory: DataDirectory, source: str, gone: Mapping[str, Iterable[str]]) -> set[str]:
    """Notes record files that are gone without a trace beside those set aside, each once.

    Args:
        directory: The data directory.
        source: Name of the source.
        gone: Names of the files by day.

    Returns:
        Days of which any was not noted before.
    """
    new = set()
    for day, names in gone.items():
        folder = directory.raw_day("damaged", source, day)
        for name in names:
            note = folder / f"records-{name}.gone"
            if not note.exists() and not (folder / f"records-{name}").exists():
                write_json(note, {})
                new.add(day)
    return new


def days_with_files_set_aside(directory: DataDirectory, source: str) -> frozenset[str]:
    """Days of which a damaged file was ever set aside, or one noted as gone."""
    folder = directory.raw_ledger("damaged", source)
    return frozenset(path.name.removeprefix(DAY_PREFIX) for path in folder.glob(f"{DAY_PREFIX}*"))
