"""Raw files that no longer hold what was written: found by their checksums, set aside, never removed.

Those that are gone without a trace are noted beside them.

Whether what they held can be fetched again is not known here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cbr_warehouse.raw.files import is_intact
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.atomic_write import move_file, remove_file, write_json
from cbr_warehouse.storage.files import exists, names_in
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
    new = newly_gone(directory, source, gone)
    for day, name in new:
        write_json(directory.raw_day("damaged", source, day) / f"records-{name}.gone", {})
    return {day for day, _ in new}


def newly_gone(
    directory: DataDirectory, source: str, gone: Mapping[str, Iterable[str]]
) -> list[tuple[str, str]]:
    """Day and name of the record files that are gone and not noted as such."""
    found = []
    for day, names in gone.items():
        folder = directory.raw_day("damaged", source, day)
        for name in names:
            noted = (folder / f"records-{name}.gone", folder / f"records-{name}")
            if not any(exists(path) for path in noted):
                found.append((day, name))
    return found


def require_deep_load(directory: DataDirectory, source: str) -> None:
    """Notes that the whole horizon must be read again, until a deep load was finished."""
    write_json(_deep_note(directory, source), {})


def is_deep_load_required(directory: DataDirectory, source: str) -> bool:
    """Whether the whole horizon must be read again."""
    return exists(_deep_note(directory, source))


def note_deep_load(directory: DataDirectory, source: str) -> None:
    """Notes that a deep load was finished."""
    remove_file(_deep_note(directory, source))


def _deep_note(directory: DataDirectory, source: str) -> Path:
    return directory.raw_ledger("damaged", source) / "deep-load-required.json"


def days_with_files_set_aside(directory: DataDirectory, source: str) -> frozenset[str]:
    """Days of which a damaged file was ever set aside, or one noted as gone."""
    folder = directory.raw_ledger("damaged", source)
    return frozenset(name.removeprefix(DAY_PREFIX) for name in names_in(folder, prefix=DAY_PREFIX))
