"""What the disk refuses, to Python or to DuckDB, as a sentence that names a file the user knows."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from cbr_warehouse.errors import StorageError

_NO_ROOM = "Check the free space, the quota and the limit of a file's size, or choose another folder"
_NOT_ALLOWED = "Check the folder's permissions and whether it is mounted read-only, or choose another"
_BROKEN = "Check the disk and the system's log, or choose another folder"

_ADVICE = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.EIO: _BROKEN,
    errno.ESTALE: _BROKEN,
    errno.ENODEV: _BROKEN,
    errno.ENXIO: _BROKEN,
}
_QUOTED = re.compile('"[^"]*"')
_OTHER = "Check the folder's permissions and the free space, or choose another"


@contextmanager
def as_storage_error(path: Path, done: str = "written") -> Iterator[None]:
    """Reports what the system refuses within the block as of a path that cannot be written.

    The path is the file that the user knows; the block may work on temporary files beside it.

    Args:
        path: The file or folder that the block changes.
        done: What it would have been: ``written``, ``moved``, ``removed``.

    Raises:
        StorageError: The system refused something.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(_sentence(path, done, error.errno, error.strerror or str(error))) from error
    except duckdb.Error as error:
        code = _code_in(error)
        if code is None and not isinstance(error, duckdb.IOException):
            raise
        # DuckDB's own words name its temporary file, in quotes.
        words = _QUOTED.sub("a file", str(error).splitlines()[0])
        reason = words if code is None else os.strerror(code)
        raise StorageError(_sentence(path, done, code, reason)) from error


@contextmanager
def as_read_error(path: Path) -> Iterator[None]:
    """Reports what the system refuses within the block as of a file that cannot be read.

    Raises:
        StorageError: The system refused something. An OSError without an errno passes: pyarrow
            raises it for content that it cannot decode.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        advice = _BROKEN if error.errno in {errno.EIO, errno.ESTALE} else "Check its permissions and the disk"
        raise StorageError(
            f"{path}: cannot be read ({error.strerror or error}). "
            f"{advice.partition(', or')[0]}, or restore the file from a backup."
        ) from error


def is_absent(error: OSError) -> bool:
    """Whether there is no such file or folder, links that lead to themselves included."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


def is_refused_by_disk(error: Exception) -> bool:
    """Whether DuckDB passes on what the system refused, such as a full disk."""
    return isinstance(error, duckdb.Error) and _code_in(error) is not None


def _sentence(path: Path, done: str, code: int | None, reason: str) -> str:
    advice = _ADVICE.get(code or 0, _OTHER)
    return f"{path}: cannot be {done} ({reason}). {advice} with --data-dir."


def _code_in(error: duckdb.Error) -> int | None:
    """The system's error that DuckDB passes on in words; a commit that fails wraps its cause."""
    text = str(error)
    return next((code for code in _ADVICE if os.strerror(code) in text), None)
