"""Copies a data directory to an object store: what is there stays, the list of files is written last."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.object_store import ObjectStore
from cbr_warehouse.transfer.at_once import Report, do_at_once
from cbr_warehouse.transfer.linked_copy import LinkedCopy, link_data, read_files, send_file
from cbr_warehouse.transfer.snapshot import (
    FILES,
    KEPT_AFTER_REPLACEMENT,
    SNAPSHOT,
    CopiedFile,
    Snapshot,
    decode_snapshot,
    encode_snapshot,
    replaced_objects,
)
from cbr_warehouse.transfer.verify_objects import verify_objects


@dataclass(frozen=True)
class Uploaded:
    """What a copy to a store did.

    Attributes:
        snapshot: The copy.
        sent: Files that were sent; the others were there.
        sent_bytes: Their size.
        removed: Objects that no copy names any more.
    """

    snapshot: Snapshot
    sent: int
    sent_bytes: int
    removed: int


def upload(
    directory: DataDirectory,
    store: ObjectStore,
    hold: AbstractContextManager[None],
    now: datetime,
    report: Report,
    *,
    is_alone: bool = False,
) -> Uploaded:
    """Copies a data directory to a store, and verifies that each object is there.

    Loads are kept out while the files are linked, a matter of seconds, and go on while they are sent.

    Args:
        directory: The data directory; the caller holds its ``copy_lock``.
        store: The store.
        hold: Keeps loads out of the directory.
        now: The present, UTC.
        report: Gets the progress.
        is_alone: Whether the caller vouches that no other copy to the same place is under way, for stores
            that ignore the conditions of a write.

    Raises:
        StorageError: A file is damaged, the store refused something, or another copy was finished meanwhile.
    """
    if not is_alone:
        require_conditional_writes(store)
    with link_data(directory, hold) as linked:
        return _upload_linked(linked, store, now, report, is_alone=is_alone)


def require_conditional_writes(store: ObjectStore) -> None:
    """Tries whether the store keeps the conditions of a write, by which copies do not overwrite each other.

    Raises:
        StorageError: It ignores them, or refused something.
    """
    key = f".condition-{uuid4().hex}"
    try:
        is_kept = store.create(key, b"first") and not store.create(key, b"second")
    finally:
        store.remove([key])
    if not is_kept:
        raise StorageError(
            f"{store.url}: the store ignores If-None-Match, so that two copies at once could overwrite each "
            "other's list of files. If no other copy to this place can be under way, copy with --alone."
        )


def _upload_linked(
    linked: LinkedCopy, store: ObjectStore, now: datetime, report: Report, *, is_alone: bool
) -> Uploaded:
    found = store.read(SNAPSHOT)
    before = None if found is None else decode_snapshot(found[0], f"{store.url}/{SNAPSHOT}")
    files = read_files(linked, report)
    there = store.sizes(FILES)
    missing = [file for file in files if there.get(file.key) != file.size]
    do_at_once("sent", partial(_send, store, linked), missing, report)
    verify_objects(store, files)
    replaced = replaced_objects(before, files, now)
    gone = [one for one in replaced if now - one.replaced_at > KEPT_AFTER_REPLACEMENT]
    snapshot = Snapshot(uuid4().hex, now, tuple(files), tuple(one for one in replaced if one not in gone))
    if not _publish(store, encode_snapshot(snapshot), None if found is None else found[1], is_alone=is_alone):
        raise StorageError(
            f"{store.url}: another copy was finished meanwhile, and is the one that counts. Run the command "
            "again to copy what is newer here."
        )
    store.remove(one.key for one in gone)
    return Uploaded(snapshot, len(missing), sum(file.size for file in missing), len(gone))


def _send(store: ObjectStore, linked: LinkedCopy, file: CopiedFile) -> None:
    send_file(store, linked, file, file.key)


def _publish(store: ObjectStore, content: bytes, etag: str | None, *, is_alone: bool) -> bool:
    if is_alone:
        store.write(SNAPSHOT, content)
        return True
    return store.write_if(SNAPSHOT, content, etag) is not None
