"""Copies a data directory to an object store: what is there stays, the list of files is written last."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.atomic_write import remove_folder
from cbr_warehouse.storage.files import read_existing
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.linked_files import files_below, link_files
from cbr_warehouse.storage.object_store import PART_BYTES, ObjectStore
from cbr_warehouse.transfer.at_once import Report, do_at_once
from cbr_warehouse.transfer.data_files import is_copied, read_content
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
    folder = directory.copy_folder / "linked"
    remove_folder(directory.copy_folder)
    try:
        with hold:
            paths = sorted(path for path in files_below(directory.root) if is_copied(path))
            link_files(directory.root, paths, folder)
        return _upload_linked(folder, paths, store, now, report, is_alone=is_alone)
    finally:
        remove_folder(directory.copy_folder)


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
    folder: Path,
    paths: Sequence[PurePosixPath],
    store: ObjectStore,
    now: datetime,
    report: Report,
    *,
    is_alone: bool,
) -> Uploaded:
    found = store.read(SNAPSHOT)
    before = None if found is None else decode_snapshot(found[0], f"{store.url}/{SNAPSHOT}")
    files = _read_files(folder, paths, report)
    there = store.sizes(FILES)
    missing = [file for file in files if there.get(file.key) != file.size]
    do_at_once("sent", partial(_send, store, folder), missing, report)
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


def _read_files(folder: Path, paths: Sequence[PurePosixPath], report: Report) -> list[CopiedFile]:
    files: list[CopiedFile] = []
    damaged: list[PurePosixPath] = []
    for done, path in enumerate(paths, 1):
        content = read_content(folder / path, path)
        files.append(CopiedFile(str(path), content.size, content.sha256))
        if content.is_damaged:
            damaged.append(path)
        report("read", done, len(paths))
    if damaged:
        raise StorageError(
            f"{damaged[0]}: is damaged: its content does not match the checksum in its name"
            f"{f', and {len(damaged) - 1} more files' if len(damaged) > 1 else ''}. Nothing was copied: run "
            "'cbr-warehouse load', which sets damaged files aside, or restore the file from a backup."
        )
    return files


def _send(store: ObjectStore, folder: Path, file: CopiedFile) -> None:
    path = folder / file.path
    store.write(file.key, path if file.size > PART_BYTES else read_existing(path))


def _publish(store: ObjectStore, content: bytes, etag: str | None, *, is_alone: bool) -> bool:
    if is_alone:
        store.write(SNAPSHOT, content)
        return True
    return store.write_if(SNAPSHOT, content, etag) is not None
