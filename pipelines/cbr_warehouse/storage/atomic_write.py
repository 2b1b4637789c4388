"""Writing files so that a crash leaves whole files or none: temporary name, fsync, rename."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from cbr_warehouse.errors import StorageError

TEMPORARY_PREFIX = ".part-"
"""Begins the name of every unfinished file; no reader's pattern matches it."""


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, so that a power failure takes none of the new ones back."""
    missing = list(takewhile(lambda one: not one.exists(), (folder, *folder.parents)))
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        _sync(one.parent)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file under a temporary name beside its place, then puts it there at once.

    Args:
        path: Where the file shall stand; its folder is made. An older file is replaced.
        write: Writes the content to the path it is given.

    Raises:
        StorageError: The file could not be written; nothing stands half written in its place.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid4().hex}-{path.name}")
    with as_storage_error(path):
        make_folder(path.parent)
        try:
            write(temporary)
            _sync(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(path.parent)


@contextmanager
def publish(next_file: Path, published: Path) -> Iterator[None]:
    """Puts a file that the block writes in the place of another, at once, if the block succeeds.

    Args:
        next_file: Where the block writes; removed if it fails.
        published: The file to replace.

    Raises:
        StorageError: The file could not be written; the published one stands.
    """
    with as_storage_error(published):
        make_folder(published.parent)
        try:
            yield
            _sync(next_file)
            next_file.replace(published)
            _sync(published.parent)
        finally:
            for left in published.parent.glob(f"{next_file.name}*"):
                left.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as JSON, whole."""
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_whole(path, lambda temporary: _write_text(temporary, text))


def read_json(path: Path) -> Any:
    """Reads a JSON file that :func:`write_json` wrote.

    Returns:
        The value, or None where there is no such file.

    Raises:
        StorageError: The file is unreadable.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path}: cannot be read ({error}). Restore it from a backup or remove it."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Removes what interrupted writers left below a folder. Only for who holds the load's lock."""
    for path in list(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def as_storage_error(path: Path) -> Iterator[None]:
    """Tells of what the system refuses, to Python or to DuckDB, as of a path that cannot be written.

    Raises:
        StorageError: The block could not write.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if isinstance(error, duckdb.Error) and not _is_of_the_disk(error):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise StorageError(
            f"{path}: cannot be written ({reason or error}). "
            "Check the folder's permissions and the free space, or choose another with --data-dir."
        ) from error


def _is_of_the_disk(error: duckdb.Error) -> bool:
    """Whether DuckDB tells of the disk; a commit that fails wraps what it failed of."""
    return isinstance(error, duckdb.IOException) or os.strerror(errno.ENOSPC) in str(error)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
