"""Copies a data directory back from an object store: all of it is received and verified, then put in place.

Killed before that, the next run continues with what was received. Killed while files are put in place, it
comes to the end of it without the store; until then every other command refuses the directory.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from cbr_warehouse.errors import FreeSpaceError, StorageError
from cbr_warehouse.storage.atomic_write import (
    make_folder,
    put_in_place,
    read_json,
    remove_file,
    remove_folder,
    write_bytes,
    write_json,
    write_parts,
)
from cbr_warehouse.storage.files import existing_folder, exists, free_bytes_of, read_existing, size_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.linked_files import files_below
from cbr_warehouse.storage.object_store import ObjectStore
from cbr_warehouse.transfer.at_once import Report, do_at_once
from cbr_warehouse.transfer.data_files import is_copied, read_content
from cbr_warehouse.transfer.snapshot import SNAPSHOT, CopiedFile, Snapshot, decode_snapshot, encode_snapshot
from cbr_warehouse.transfer.verify_objects import checked_parts


@dataclass(frozen=True)
class Downloaded:
    """What a copy from a store did.

    Attributes:
        snapshot: The copy that was brought back.
        received: Files that were received; the others were there from an interrupted run.
        received_bytes: Their size.
    """

    snapshot: Snapshot
    received: int
    received_bytes: int


@dataclass(frozen=True)
class Wanted:
    """What is brought back.

    Attributes:
        snapshot: Its files.
        keys: The keys of their objects, by path.
    """

    snapshot: Snapshot
    keys: Mapping[str, str]


@dataclass(frozen=True)
class _Object:
    key: str
    size: int
    sha256: str


def find_copy(store: ObjectStore) -> Wanted | None:
    """The copy that a store has; None where there is none.

    Raises:
        StorageError: The store refused something, or the list of files is not what was written.
    """
    found = store.read(SNAPSHOT)
    if found is None:
        return None
    snapshot = decode_snapshot(found[0], f"{store.url}/{SNAPSHOT}")
    return Wanted(snapshot, {file.path: file.key for file in snapshot.files})


def download(
    directory: DataDirectory,
    store: ObjectStore,
    report: Report,
    find: Callable[[ObjectStore], Wanted | None] = find_copy,
) -> Downloaded:
    """Brings a copy back into a data directory that holds no data yet.

    Args:
        directory: The data directory; the caller holds its ``copy_lock`` and its ``lock``.
        store: The store.
        report: Gets the progress.
        find: Finds what the store has.

    Raises:
        FreeSpaceError: The disk has no room for it.
        StorageError: There is no copy, it is damaged, the directory holds other data, or a file could not be
            written.
    """
    staged = directory.copy_folder / "files"
    if exists(directory.copy_note):
        return Downloaded(_finish(directory, store), 0, 0)
    wanted = find(store)
    if wanted is None:
        raise StorageError(
            f"{store.url}: there is no copy. Check the prefix, or make one with "
            f"'cbr-warehouse copy --to {store.url}'."
        )
    snapshot = wanted.snapshot
    if _is_there(directory, snapshot):
        return Downloaded(snapshot, 0, 0)
    missing = [file for file in snapshot.files if not _has(staged, file)]
    _require_space(directory, missing)
    do_at_once("received", partial(_receive, store, staged, wanted.keys), missing, report)
    write_bytes(directory.copy_folder / SNAPSHOT, encode_snapshot(snapshot))
    write_json(directory.copy_note, {"from": str(store.url)})
    _finish(directory, store)
    return Downloaded(snapshot, len(missing), sum(file.size for file in missing))


def _is_there(directory: DataDirectory, snapshot: Snapshot) -> bool:
    """Whether the directory is this copy already; refuses one that holds anything else."""
    present = {str(path) for path in files_below(directory.root) if is_copied(path)}
    if not present:
        return False
    if present == {file.path for file in snapshot.files} and all(
        _has(directory.root, file) for file in snapshot.files
    ):
        return True
    raise StorageError(
        f"{directory.root}: holds other data already, and a copy replaces none. Choose an empty folder with "
        "--data-dir."
    )


def _has(folder: Path, file: CopiedFile) -> bool:
    """Whether a folder has a file of a copy with this content."""
    path = folder / file.path
    return size_of(path) == file.size and read_content(path, PurePosixPath(file.path)).sha256 == file.sha256


def _require_space(directory: DataDirectory, missing: Sequence[CopiedFile]) -> None:
    needed, free = sum(file.size for file in missing), free_bytes_of(existing_folder(directory.root))
    if needed > free:
        raise FreeSpaceError(
            f"{directory.root}: the copy needs {needed / 1e6:,.0f} MB more, and the disk has "
            f"{free / 1e6:,.0f} MB free. Make room, or choose another folder with --data-dir."
        )


def _receive(store: ObjectStore, staged: Path, keys: Mapping[str, str], file: CopiedFile) -> None:
    parts = checked_parts(store, _Object(keys[file.path], file.size, file.sha256))
    write_parts(staged / file.path, parts)


def _finish(directory: DataDirectory, store: ObjectStore) -> Snapshot:
    """Puts what was received in its places; also what an interrupted run did not."""
    origin = read_json(directory.copy_note)["from"]
    if origin != str(store.url):
        raise StorageError(
            f"{directory.root}: a copy of {origin} is being put in place. Come to the end of it first, with "
            f"'cbr-warehouse copy --from {origin}'."
        )
    path = directory.copy_folder / SNAPSHOT
    snapshot = decode_snapshot(read_existing(path), str(path))
    by_folder: dict[Path, dict[Path, Path]] = defaultdict(dict)
    for file in snapshot.files:
        received, place = directory.copy_folder / "files" / file.path, directory.root / file.path
        if exists(received):
            by_folder[place.parent][place] = received
    for folder, moves in by_folder.items():
        make_folder(folder)
        put_in_place(moves)
    # First the note: a folder that is removed in part says nothing any more.
    remove_file(directory.copy_note)
    remove_folder(directory.copy_folder)
    return snapshot
