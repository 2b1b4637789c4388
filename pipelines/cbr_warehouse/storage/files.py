"""Reading and listing the files of the data directory; ``atomic_write`` writes and removes them.

Together they are all that ``raw`` and ``tables`` do with files: whole files, one folder listed at a time,
and nothing that another kind of store could not do (docs/adr/0026). ``parquet_files`` opens those that
have columns.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from cbr_warehouse.storage.disk_errors import as_read_error, is_absent


def exists(path: Path) -> bool:
    """Whether there is a file or folder of this name."""
    return path.exists()


def is_file(path: Path) -> bool:
    """Whether there is a file of this name."""
    return path.is_file()


def may_write_in(folder: Path) -> bool:
    """Whether this process sees a folder and may write files into it."""
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def size_of(path: Path) -> int | None:
    """Size of a file in bytes; None where there is no such file.

    Raises:
        OSError: The system does not say.
    """
    found = _status(path)
    return found.st_size if found is not None and stat.S_ISREG(found.st_mode) else None


def signature_of(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever a file is replaced: size, time and number of its inode; None where there is none.

    Raises:
        OSError: The system does not say.
    """
    found = _status(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def links_of(path: Path) -> int:
    """How many names a file has; 0 where there is no such file.

    Raises:
        OSError: The system does not say.
    """
    found = _status(path)
    return 0 if found is None else found.st_nlink


def total_bytes(paths: Iterable[Path]) -> int:
    """Size of files together, in bytes; one that does not exist has none.

    Raises:
        StorageError: The system does not say.
    """
    total = 0
    for path in paths:
        with as_read_error(path):
            total += size_of(path) or 0
    return total


def changed_at(path: Path) -> datetime | None:
    """When a file was last replaced, UTC; None where there is no such file.

    Raises:
        OSError: The system does not say.
    """
    found = _status(path)
    return None if found is None else datetime.fromtimestamp(found.st_mtime, UTC)


def read_existing(path: Path) -> bytes:
    """The content of a file that must be there.

    Raises:
        StorageError: It cannot be read.
    """
    with as_read_error(path):
        return path.read_bytes()


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Opens a file to read parts of it.

    Raises:
        StorageError: It cannot be opened, or read within the block.
    """
    with as_read_error(path), path.open("rb") as content:
        yield content


def names_in(folder: Path, *, prefix: str = "", suffix: str = "") -> list[str]:
    """Names of what is in a folder, in order; hidden ones and those of unfinished files left out.

    Args:
        folder: The folder; of one that does not exist there are none.
        prefix: What the names begin with.
        suffix: What they end with.

    Raises:
        OSError: The folder cannot be listed.
    """
    # Each load lists the folders of every day: glob takes five times as long.
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError as error:
        if is_absent(error):
            return []
        raise
    return sorted(
        name for name in names if name.startswith(prefix) and name.endswith(suffix) and name[0] != "."
    )


def existing_folder(folder: Path) -> Path:
    """A folder, or where it does not exist yet the nearest one above it that does.

    Raises:
        OSError: The system does not say.
    """
    return next(one for one in (folder, *folder.parents) if one.exists())


def free_bytes_of(folder: Path) -> int:
    """Free bytes of the file system of a folder.

    Raises:
        OSError: The system does not say.
    """
    return shutil.disk_usage(folder).free


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError as error:
        if is_absent(error):
            return None
        raise
