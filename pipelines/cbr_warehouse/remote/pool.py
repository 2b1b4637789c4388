"""Contents that this machine has already, by their checksums: none is received twice, none is stored twice.

Files of the working copies are links to them. Files are replaced, never changed, so a link stays what it is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cbr_warehouse.storage.atomic_write import (
    TEMPORARY_PREFIX,
    make_folder,
    move_file,
    remove_abandoned,
    remove_file,
    write_parts,
)
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.files import (
    changed_at,
    existing_folder,
    exists,
    free_bytes_of,
    links_of,
    names_in,
    size_of,
)
from cbr_warehouse.storage.linked_files import link_file

_UNUSED_AFTER = timedelta(days=1)
"""How long a content stays that no working copy has any more; where there are no links, any content."""


class Pool:
    """The contents below one folder. Safe to use from several threads and processes.

    Args:
        folder: The folder; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def free_bytes(self) -> int:
        """Free space of the disk that the contents are on."""
        return free_bytes_of(existing_folder(self.folder))

    def has(self, sha256: str, size: int) -> bool:
        """Whether there is a content of this checksum, by its name and size."""
        return size_of(self._place(sha256)) == size

    def receive(self, sha256: str, parts: Iterator[bytes]) -> None:
        """Adds a content, which raises while it is made if it has not this checksum.

        Raises:
            StorageError: It could not be received or written.
        """
        write_parts(self._place(sha256), parts)

    def take(self, sha256: str, target: Path) -> Path:
        """Links a content beside a place where it is wanted; the folder of the place exists.

        Returns:
            The link, to be put in its place.

        Raises:
            StorageError: It could be neither linked nor copied.
        """
        link = target.with_name(f"{TEMPORARY_PREFIX}{uuid4().hex}-{target.name}")
        with as_storage_error(target):
            link_file(self._place(sha256), link)
        return link

    def link(self, file: Path) -> Path:
        """Keeps a file as it is now under a name of its own, before its checksum is known.

        Raises:
            StorageError: It could be neither linked nor copied.
        """
        make_folder(self.folder)
        link = self.folder / f"{TEMPORARY_PREFIX}{uuid4().hex}"
        with as_storage_error(file):
            link_file(file, link)
        return link

    def add(self, link: Path, sha256: str) -> Path:
        """Adds what :meth:`link` kept, of this checksum.

        Returns:
            The content.
        """
        place = self._place(sha256)
        if exists(place):
            remove_file(link)
        else:
            move_file(link, place)
        return place

    def remove_unused(self, now: datetime) -> None:
        """Removes contents that no working copy has had for a day, and what was left unfinished.

        Args:
            now: The present, UTC.
        """
        remove_abandoned(self.folder, _UNUSED_AFTER.total_seconds())
        for name in names_in(self.folder):
            folder = self.folder / name
            for one in names_in(folder):
                path = folder / one
                at = changed_at(path)
                if links_of(path) == 1 and at is not None and now - at > _UNUSED_AFTER:
                    remove_file(path)

    def _place(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256
