"""The archive of a pack: written so that equal content gives equal bytes, read without trusting any of it."""

import hashlib
import shutil
import stat
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cbr_warehouse.errors import EvidenceError
from cbr_warehouse.evidence.layout import ALLOWED
from cbr_warehouse.storage.disk_errors import as_storage_error

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can have; all files have it."""

_MODE = stat.S_IFREG | 0o644

MOST_FILES = 5_000
MOST_RATIO = 100
SMALL_BYTES = 100 * 2**20
"""A pack may unpack to this many bytes, or else to no more than the ratio times its own size. We store files
uncompressed, so that a pack of ours is as large as its content; others may compress them."""


def write_archive(path: Path, folder: Path, names: list[str]) -> None:
    """Writes files into an archive, uncompressed and in order of their names, without any time.

    Args:
        path: The archive.
        folder: Where the files are.
        names: The files, relative to the folder.

    Raises:
        StorageError: The archive cannot be written.
    """
    with as_storage_error(path), zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(names):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = _MODE << 16
            info.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, archive.open(info, "w") as target:
                shutil.copyfileobj(source, target, 2**20)


def unpack_archive(path: Path, folder: Path) -> list[str]:
    """Unpacks an archive that anybody may have made.

    Args:
        path: The archive.
        folder: An empty folder.

    Returns:
        The names of its files.

    Raises:
        EvidenceError: It is no archive, or has what no pack has: other names, links, a file twice, or far
            more content than its size.
        StorageError: A file cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(path, entries)
            for entry in entries:
                _unpack(archive, entry, folder)
    except FileNotFoundError as error:
        raise EvidenceError(f"{path}: there is no such file.") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise EvidenceError(f"{path}: is no evidence pack, or is damaged ({error}).") from error
    return [entry.filename for entry in entries]


def checksums(folder: Path, names: list[str]) -> dict[str, tuple[int, str]]:
    """Size in bytes and SHA-256 of files.

    Args:
        folder: Where they are.
        names: The files, relative to the folder.
    """
    found = {}
    for name in sorted(names):
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found[name] = ((folder / name).stat().st_size, digest)
    return found


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST_FILES:
        raise EvidenceError(f"{path}: has {len(names):,} files, more than any pack.")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise EvidenceError(f"{path}: has a file twice: {twice[0][:100]!r}.")
    for entry in entries:
        if not ALLOWED.fullmatch(entry.filename):
            raise EvidenceError(f"{path}: has a file that no pack has: {entry.filename[:100]!r}.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise EvidenceError(f"{path}: {entry.filename} is a link or a device, not a file.")
        if entry.flag_bits & 0x1:
            raise EvidenceError(f"{path}: {entry.filename} is encrypted, which no file of a pack is.")
    size, limit = (
        sum(entry.file_size for entry in entries),
        max(SMALL_BYTES, MOST_RATIO * path.stat().st_size),
    )
    if size > limit:
        raise EvidenceError(f"{path}: would unpack to {size:,} bytes, far more than its own size.")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpacks a file; the library stops at the size that the entry claims, and checks its CRC."""
    place = folder / entry.filename
    place.parent.mkdir(exist_ok=True)
    with archive.open(entry) as source, as_storage_error(place), place.open("xb") as target:
        shutil.copyfileobj(source, target, 2**20)


def write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files below a folder.

    Args:
        folder: The folder.
        files: Their content by name.
    """
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
