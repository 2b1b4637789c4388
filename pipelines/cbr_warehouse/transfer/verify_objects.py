"""Whether the objects of a copy are there, and contain what the list of files says."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from cbr_warehouse.errors import StorageError
from cbr_warehouse.transfer.at_once import Report, do_at_once
from cbr_warehouse.transfer.snapshot import FILES, CopiedFile

if TYPE_CHECKING:  # needs the extra
    from cbr_warehouse.storage.object_store import ObjectStore


def verify_objects(store: "ObjectStore", files: Sequence[CopiedFile]) -> None:
    """Compares the sizes of all objects with those of the files; what a list does not show yet is asked for.

    Raises:
        StorageError: An object is missing or of another size.
    """
    listed = store.sizes(FILES)
    for file in files:
        size = listed[file.key] if file.key in listed else store.size_of(file.key)
        if size != file.size:
            what = "is missing" if size is None else f"has {size:,} bytes instead of {file.size:,}"
            raise StorageError(f"{store.url}/{file.key}: {what}. Run the command again: it is sent again.")


def verify_contents(store: "ObjectStore", files: Sequence[CopiedFile], report: Report) -> None:
    """Reads all objects and compares their checksums with those of the files.

    Args:
        store: The store.
        files: The files.
        report: Gets the progress.

    Raises:
        StorageError: An object is missing, or contains something else.
    """
    do_at_once("compared", partial(_read_whole, store), files, report)


class StoredObject(Protocol):
    """An object that contains a file."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def sha256(self) -> str:
        """Checksum of its content, in hex."""


def checked_parts(store: "ObjectStore", file: StoredObject) -> Iterator[bytes]:
    """Reads the object of a file part by part; fails after the last one if it is not the file.

    Raises:
        StorageError: It is missing, contains something else, or the store refused something.
    """
    whole = hashlib.sha256()
    for part in store.read_parts(file.key, file.size):
        whole.update(part)
        yield part
    if whole.hexdigest() != file.sha256:
        raise StorageError(
            f"{store.url}/{file.key}: is damaged: its content does not match its checksum. Remove it, "
            "and copy to the store again from where the data are."
        )


def _read_whole(store: "ObjectStore", file: CopiedFile) -> None:
    for _ in checked_parts(store, file):
        pass
