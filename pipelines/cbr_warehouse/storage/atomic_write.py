"""Writing files so that a crash leaves whole files or none: temporary name, fsync, rename.

Every other change to files of the data directory is here too (moving, removing), so that whatever
the system refuses becomes a sentence that names a file the user knows.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.disk_errors import as_read_error, as_storage_error

TEMPORARY_PREFIX = ".part-"
"""Begins the name of every unfinished file; no reader's pattern matches it."""


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, so that a power failure takes none of the new ones back."""
    for changed in _make_folders(folder):
        _sync(changed)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file under a temporary name beside its place, then puts it there at once.

    Args:
        path: Where the file goes; its folder is made. An older file is replaced.
        write: Writes the content to the path it is given.

    Raises:
        StorageError: The file could not be written; an older one is as it was.
    """
    temporary = _temporary(path)
    with as_storage_error(path):
        make_folder(path.parent)
        try:
            write(temporary)
            _sync(temporary)
            temporary.replace(path)
        finally:
            # What failed before is the error to report, not that its remains cannot be removed.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        _sync(path.parent)


def put_in_place(written: Mapping[Path, Path]) -> None:
    """Puts files that are written in full in their places, with one sync of each folder.

    Each replaces an older one at once. All are on the disk when this returns.

    Args:
        written: Each file by its place, in the same file system; the folder of the place exists.

    Raises:
        StorageError: One could not be moved; those after it are as they were.
    """
    for path, temporary in written.items():
        with as_storage_error(path):
            _sync(temporary)
            temporary.replace(path)
    folders = dict.fromkeys(path.parent for path in written)
    # The folders themselves may be new.
    for folder in dict.fromkeys([*folders, *(folder.parent for folder in folders)]):
        with as_storage_error(folder):
            _sync(folder)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file of this content, whole.

    Raises:
        StorageError: The file could not be written; an older one is as it was.
    """
    write_whole(path, lambda temporary: _write_all(temporary, content))


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Writes a file from its parts, whole; what raises while they are made leaves an older one as it was.

    Raises:
        StorageError: The file could not be written.
    """
    write_whole(path, lambda temporary: _write_each(temporary, parts))


def write_group(contents: Mapping[Path, bytes]) -> None:
    """Writes several files, each whole or absent, with one sync of each folder.

    They appear in their order. All of them are on the disk when this returns; after a crash before
    that, any of them may be absent.

    Args:
        contents: The content of each file by its path; folders are made.

    Raises:
        StorageError: A file could not be written; those before it may be there.
    """
    changed: dict[Path, None] = {}
    for folder in dict.fromkeys(path.parent for path in contents):
        with as_storage_error(folder):
            changed |= dict.fromkeys((*_make_folders(folder), folder))
    temporaries = {path: _temporary(path) for path in contents}
    try:
        for path, temporary in temporaries.items():
            with as_storage_error(path):
                _write_all(temporary, contents[path])
                _sync(temporary)
        for path, temporary in temporaries.items():
            with as_storage_error(path):
                temporary.replace(path)
    finally:
        for temporary in temporaries.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    for folder in changed:
        with as_storage_error(folder):
            _sync(folder)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as JSON, whole.

    Raises:
        StorageError: The file could not be written; an older one is as it was.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_bytes(path, text.encode())


def read_file(path: Path) -> bytes | None:
    """The content of a file, or None where there is no such file.

    Raises:
        StorageError: The file cannot be read.
    """
    with as_read_error(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def read_json(path: Path) -> Any:
    """Reads a JSON file that :func:`write_json` wrote.

    Returns:
        The value, or None where there is no such file.

    Raises:
        StorageError: The file cannot be read, or is no JSON.
    """
    content = read_file(path)
    try:
        return None if content is None else json.loads(content)
    except ValueError as error:
        raise StorageError(
            f"{path}: cannot be read ({error}). Restore it from a backup or remove it."
        ) from error


@contextmanager
def publish(next_file: Path, published: Path) -> Iterator[None]:
    """Puts a file that the block writes in the place of another, at once, if the block succeeds.

    Args:
        next_file: Where the block writes; removed if it fails.
        published: The file to replace.

    Raises:
        StorageError: The file could not be written; the published one is as it was.
    """
    with as_storage_error(published):
        make_folder(published.parent)
        try:
            yield
            _sync(next_file)
            next_file.replace(published)
            _sync(published.parent)
        finally:
            with suppress(OSError):
                for left in published.parent.glob(f"{next_file.name}*"):
                    left.unlink(missing_ok=True)


def move_file(path: Path, target: Path) -> None:
    """Moves a file within the data directory; the target's folder is made.

    Raises:
        StorageError: It could not be moved; it is where it was.
    """
    with as_storage_error(path, "moved"):
        make_folder(target.parent)
        path.replace(target)
        _sync(target.parent)
        _sync(path.parent)


def remove_file(path: Path) -> None:
    """Removes a file if there is one.

    Raises:
        StorageError: It could not be removed.
    """
    with as_storage_error(path, "removed"):
        path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Removes a folder with all in it, if there is one.

    Raises:
        StorageError: Something in it could not be removed.
    """
    with as_storage_error(folder, "removed"), suppress(FileNotFoundError):
        shutil.rmtree(folder)


def find_unfinished(folder: Path) -> list[Path]:
    """What interrupted writers left below a folder, or are writing."""
    return list(folder.rglob(f"{TEMPORARY_PREFIX}*"))


def remove_unfinished(folder: Path) -> None:
    """Removes what interrupted writers left below a folder. Only for the holder of the load's lock.

    Raises:
        StorageError: Something could not be removed.
    """
    with as_storage_error(folder):
        for path in find_unfinished(folder):
            _remove_left(path)


def remove_abandoned(root: Path, untouched_seconds: float) -> None:
    """Removes unfinished warehouses, which nobody else builds now, and other files long untouched.

    Args:
        root: The data directory; its subfolders are not looked at. The caller holds its lock.
        untouched_seconds: Time after which a file counts as left behind.

    Raises:
        OSError: Something could not be removed.
    """
    for path in root.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(FileNotFoundError):
            age = time.time() - path.stat().st_mtime
            if "-warehouse.duckdb" not in path.name and age < untouched_seconds:
                continue
            _remove_left(path)


def _remove_left(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _make_folders(folder: Path) -> list[Path]:
    """Makes a folder and those above it; returns the folders with a new one in them, still to sync."""
    missing = list(takewhile(lambda one: not one.exists(), (folder, *folder.parents)))
    folder.mkdir(parents=True, exist_ok=True)
    return [one.parent for one in missing]


def _temporary(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY_PREFIX}{uuid4().hex}-{path.name}")


def _write_each(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("xb") as sink:
        for part in parts:
            sink.write(part)


def _write_all(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
