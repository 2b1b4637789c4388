"""Files of the data directory as they are at one moment: listed, and linked so that they stay.

Files are replaced, never changed, so a link keeps what was there while loads go on. Where the file system
makes no links, files are copied.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from cbr_warehouse.storage.disk_errors import as_storage_error


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """All files below a folder, relative to it, in no order; none of a folder that does not exist.

    Raises:
        OSError: A folder cannot be listed.
    """
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            entries = os.scandir(folder / inside)
        except FileNotFoundError:
            continue  # removed meanwhile
        with entries:
            for entry in entries:
                path = f"{inside}/{entry.name}" if inside else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif entry.is_file():
                    yield PurePosixPath(path)


def link_files(folder: Path, paths: Iterable[PurePosixPath], into: Path) -> None:
    """Links files into another folder of the same file system, below it as they were.

    Args:
        folder: The folder that the paths are relative to.
        paths: The files.
        into: Where the links go.

    Raises:
        StorageError: A link could not be made, nor a copy.
    """
    made: set[Path] = set()
    for path in paths:
        target = into / path
        with as_storage_error(target):
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            link_file(folder / path, target)


def link_file(path: Path, target: Path) -> None:
    """Keeps a file as it is now, whatever replaces it later, under another name of the same file system.

    Raises:
        OSError: It could be neither linked nor copied.
    """
    try:
        target.hardlink_to(path)
    except OSError:  # a file system without links, or too many of one file
        shutil.copy2(path, target)
