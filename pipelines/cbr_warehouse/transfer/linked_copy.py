"""The files of a data directory at one moment, linked so that loads go on while they are read and sent."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.atomic_write import remove_folder
from cbr_warehouse.storage.files import read_existing
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.linked_files import files_below, link_files
from cbr_warehouse.storage.object_store import PART_BYTES, ObjectStore
from cbr_warehouse.transfer.at_once import Report
from cbr_warehouse.transfer.data_files import is_copied, read_content
from cbr_warehouse.transfer.snapshot import CopiedFile


@dataclass(frozen=True)
class LinkedCopy:
    """The files of one moment.

    Attributes:
        folder: Where they are linked.
        paths: Their paths below it, which are those in the data directory, in order.
    """

    folder: Path
    paths: Sequence[PurePosixPath]


@contextmanager
def link_data(directory: DataDirectory, hold: AbstractContextManager[None]) -> Iterator[LinkedCopy]:
    """Links all files that belong to a copy, for the block.

    Args:
        directory: The data directory; the caller holds its ``copy_lock``.
        hold: Keeps loads out of the directory while the files are linked, a matter of seconds.

    Raises:
        StorageError: A link could not be made.
    """
    folder = directory.copy_folder / "linked"
    remove_folder(directory.copy_folder)
    try:
        with hold:
            paths = sorted(path for path in files_below(directory.root) if is_copied(path))
            link_files(directory.root, paths, folder)
        yield LinkedCopy(folder, paths)
    finally:
        remove_folder(directory.copy_folder)


def read_files(linked: LinkedCopy, report: Report) -> list[CopiedFile]:
    """Reads all files for their checksums.

    Args:
        linked: The files.
        report: Gets the progress.

    Raises:
        StorageError: A file is damaged, or cannot be read.
    """
    files: list[CopiedFile] = []
    damaged: list[PurePosixPath] = []
    for done, path in enumerate(linked.paths, 1):
        content = read_content(linked.folder / path, path)
        files.append(CopiedFile(str(path), content.size, content.sha256))
        if content.is_damaged:
            damaged.append(path)
        report("read", done, len(linked.paths))
    if damaged:
        raise StorageError(
            f"{damaged[0]}: is damaged: its content does not match the checksum in its name"
            f"{f', and {len(damaged) - 1} more files' if len(damaged) > 1 else ''}. Nothing was copied: run "
            "'cbr-warehouse load', which sets damaged files aside, or restore the file from a backup."
        )
    return files


def send_file(store: ObjectStore, linked: LinkedCopy, file: CopiedFile, key: str) -> None:
    """Sends a file.

    Args:
        store: The store.
        linked: The files.
        file: The file.
        key: The key of its object.

    Raises:
        StorageError: The store refused or did not answer.
    """
    path = linked.folder / file.path
    store.write(key, path if file.size > PART_BYTES else read_existing(path))
