"""Makes a folder the data directory of a store: the same files, as commits that any host goes on from.

First the store is claimed in ``sources.json``, which keeps everybody else out until all is there, however
long it takes and however often it is killed. Then the files are sent, read back and compared, and committed.
Run again, it continues with the claim; what the folder has got since the last run is taken along.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

from cbr_warehouse.errors import FreeSpaceError, StorageError
from cbr_warehouse.remote.commits import (
    OBJECTS,
    StoredFile,
    commit_key,
    encode_commit,
    file_key,
    next_commit,
    read_commit,
)
from cbr_warehouse.remote.pool import Pool
from cbr_warehouse.remote.scopes import OF_ALL_SOURCES, scope_of, scope_of_source, source_of_scope
from cbr_warehouse.remote.source_names import Filling, SourceNames, read_names, write_names
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.object_store import ObjectStore
from cbr_warehouse.transfer.at_once import Report, do_at_once
from cbr_warehouse.transfer.linked_copy import LinkedCopy, link_data, read_files, send_file
from cbr_warehouse.transfer.snapshot import SNAPSHOT, CopiedFile
from cbr_warehouse.transfer.upload import require_conditional_writes
from cbr_warehouse.transfer.verify_objects import checked_parts


@dataclass(frozen=True)
class Filled:
    """What was done.

    Attributes:
        files: Files of the data directory in the store.
        bytes: Their size.
        sent: Files that were sent; the others were there.
        sent_bytes: Their size.
        left: Files of the folder that are no part of a data directory in a store.
    """

    files: int
    bytes: int
    sent: int
    sent_bytes: int
    left: tuple[str, ...]


def fill(
    directory: DataDirectory,
    store: ObjectStore,
    pool: Pool,
    hold: AbstractContextManager[None],
    filling: Filling,
    report: Report,
) -> Filled:
    """Copies a folder into a store, as its data directory.

    Args:
        directory: The folder; the caller holds its ``copy_lock``.
        store: The store; nobody else uses what is below its prefix yet.
        pool: Contents that this machine has of this store; it gets all that are read back.
        hold: Keeps loads out of the folder while its files are linked.
        filling: Who does it, and since when.
        report: Gets the progress.

    Raises:
        FreeSpaceError: The disk has no room for what is read back.
        StorageError: The store holds other data, a file is damaged, a rebuild of the folder was interrupted,
            or the store or the disk refused something.
    """
    if exists(directory.rebuild_note):
        raise StorageError(
            f"{directory.root}: a rebuild was interrupted, and some tables are missing. Run 'cbr-warehouse "
            "rebuild' first."
        )
    with link_data(directory, hold) as linked:
        files = read_files(linked, report)
        by_scope, left = _divide(files)
        whole = [file for scope in by_scope.values() for file in scope]
        filled = Filled(len(whole), sum(file.size for file in whole), 0, 0, left)
        before = read_names(store)
        if before.filling is None and before.etag is not None:
            _require_same(store, before, by_scope)
            return filled
        _require_space(pool, whole)
        claim, names = _claim(store, before, by_scope, filling)
        stored = {
            scope: {one.path: StoredFile(one.size, one.sha256, _key(one, claim)) for one in own}
            for scope, own in by_scope.items()
        }
        missing = _send_missing(store, linked, whole, claim, report)
        do_at_once("compared", partial(_read_back, store, pool, claim), whole, report)
    for scope in _in_order({*map(scope_of_source, names.names), *OF_ALL_SOURCES}):
        _commit(store, scope, stored.get(scope, {}), claim)
    if not write_names(store, _sources(by_scope), None, names.etag):
        raise _others_wrote(store)
    return replace(filled, sent=len(missing), sent_bytes=sum(file.size for file in missing))


def _divide(files: Sequence[CopiedFile]) -> tuple[dict[str, list[CopiedFile]], tuple[str, ...]]:
    """The files by scope, and the paths of those that have none."""
    by_scope: dict[str, list[CopiedFile]] = defaultdict(list)
    left: list[str] = []
    for file in files:
        scope = scope_of(PurePosixPath(file.path))
        if scope is None:
            left.append(file.path)
        else:
            by_scope[scope].append(file)
    return dict(by_scope), tuple(left)


def _claim(
    store: ObjectStore, before: SourceNames, by_scope: Mapping[str, object], filling: Filling
) -> tuple[Filling, SourceNames]:
    """Keeps everybody else out until all is there; returns the claim, with that of an earlier run."""
    if before.filling is not None:
        if before.filling.folder != filling.folder:
            raise StorageError(
                f"{store.url}: another folder is being copied there ({before.filling.by}). Choose another "
                "prefix."
            )
        claim = replace(filling, id=before.filling.id)
    else:
        claim = filling
        if store.size_of(SNAPSHOT) is not None or store.sizes("commits"):
            raise StorageError(
                f"{store.url}: holds other data already: a copy, or a data directory. Choose another prefix."
            )
        require_conditional_writes(store)
    names = {*before.names, *_sources(by_scope)}
    if not write_names(store, names, claim, before.etag):
        raise _others_wrote(store)
    return claim, read_names(store)


def _require_same(
    store: ObjectStore, names: SourceNames, by_scope: Mapping[str, Sequence[CopiedFile]]
) -> None:
    """Fails if a data directory is not that of the folder: one that an earlier run has made still is."""
    is_same = set(names.names) == set(_sources(by_scope))
    for scope in _in_order({*by_scope, *OF_ALL_SOURCES}) if is_same else ():
        commit, _ = read_commit(store, scope)
        there = {} if commit is None else {path: one.sha256 for path, one in commit.files.items()}
        is_same = is_same and there == {file.path: file.sha256 for file in by_scope.get(scope, ())}
    if not is_same:
        raise StorageError(
            f"{store.url}: holds a data directory already, which is not what the folder has, and a copy "
            "replaces none. If it is that of an earlier copy, loads have gone on since: use it as data_dir. "
            "Otherwise choose another prefix."
        )


def _require_space(pool: Pool, files: Sequence[CopiedFile]) -> None:
    needed = sum({one.sha256: one.size for one in files if not pool.has(one.sha256, one.size)}.values())
    free = pool.free_bytes()
    if needed > free:
        raise FreeSpaceError(
            f"{pool.folder}: what was sent is read back into this folder, as a first load would do. "
            f"It needs {needed / 1e6:,.0f} MB more, and the disk has {free / 1e6:,.0f} MB free. Make room, "
            "or name another folder with CBR_WAREHOUSE_CACHE_DIR."
        )


def _send_missing(
    store: ObjectStore, linked: LinkedCopy, files: Sequence[CopiedFile], claim: Filling, report: Report
) -> list[CopiedFile]:
    """Sends what is not there; returns it."""
    there = store.sizes(OBJECTS)
    missing = [file for file in files if there.get(_key(file, claim)) != file.size]
    do_at_once("sent", lambda file: send_file(store, linked, file, _key(file, claim)), missing, report)
    return missing


def _read_back(store: ObjectStore, pool: Pool, claim: Filling, file: CopiedFile) -> None:
    stored = StoredFile(file.size, file.sha256, _key(file, claim))
    pool.receive(file.sha256, checked_parts(store, stored))


def _commit(store: ObjectStore, scope: str, files: Mapping[str, StoredFile], claim: Filling) -> None:
    """Commits a scope, unless an earlier run has committed the same."""
    before, etag = read_commit(store, scope)
    if (before is None and not files) or (before is not None and before.files == files):
        return
    commit, gone = next_commit(before, files, claim.by, claim.since)
    if store.write_if(commit_key(scope), encode_commit(commit), etag) is None:
        raise _others_wrote(store)
    store.remove(gone)


def _key(file: CopiedFile, claim: Filling) -> str:
    """The key of a file: the same in every run of a claim, so that what was sent is not sent again."""
    return file_key(file.path, file.sha256, claim.id)


def _in_order(scopes: set[str]) -> list[str]:
    """The sources, then what was made of them, the published warehouse last."""
    return sorted(scopes - {*OF_ALL_SOURCES}) + [one for one in OF_ALL_SOURCES if one in scopes]


def _sources(scopes: Mapping[str, object]) -> list[str]:
    return [source for scope in scopes if (source := source_of_scope(scope)) is not None]


def _others_wrote(store: ObjectStore) -> StorageError:
    return StorageError(
        f"{store.url}: others have written there meanwhile. Let nobody use this prefix until the copy is "
        "done, and run the command again."
    )
