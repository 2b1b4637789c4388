"""A working copy: the files of a data directory on this machine, a cache of what the store has.

Of each scope it notes which commit it has, and of each file what it was when it was received or sent. So it
costs one request to see that nothing changed, and what a load has made is found without reading the rest.

What a killed load has left is kept as long as the store still has the commit that it was made on: the next
load on this machine continues with it. Where another host has committed since, it is dropped, with a
sentence: what it contained is asked for again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.remote.commits import (
    Commit,
    StoredFile,
    commit_key,
    decode_commit,
    encode_commit,
    file_key,
    next_commit,
    read_commit,
)
from cbr_warehouse.remote.copy_state import (
    NOTES,
    CopyState,
    NotedFile,
    Signature,
    copy_id,
    read_state,
    write_state,
)
from cbr_warehouse.remote.pool import Pool
from cbr_warehouse.remote.scopes import files_of
from cbr_warehouse.storage.atomic_write import make_folder, put_in_place, remove_file, write_json
from cbr_warehouse.storage.files import exists, read_existing, signature_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.transfer.at_once import do_at_once
from cbr_warehouse.transfer.data_files import read_content
from cbr_warehouse.transfer.verify_objects import checked_parts

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore

_LARGE_BYTES = 8 * 2**20
"""Larger files are sent in parts, read from the disk."""

_ATTEMPTS = 20


class WorkingCopy:
    """The working copy of one data directory in a store.

    Args:
        directory: Where it is.
        store: The store.
        pool: Contents that this machine has.
    """

    def __init__(self, directory: DataDirectory, store: "ObjectStore", pool: Pool) -> None:
        self.directory = directory
        self.store = store
        self._pool = pool
        self._notes = directory.root / NOTES

    @property
    def id(self) -> str:
        """Distinguishes this working copy from those of other machines."""
        return copy_id(self.directory)

    def lock(self, scope: str) -> Path:
        """The lock of this machine that is held while a scope is compared with the store."""
        return self._notes / f"{scope}.lock"

    def is_begun(self, scope: str) -> bool:
        """Whether something changes a scope here, or was killed while it did."""
        return exists(self._begun(scope))

    def begin(self, scope: str, what: str) -> None:
        """Notes that a scope is going to be changed here."""
        write_json(self._begun(scope), {"what": what})

    def end(self, scope: str) -> None:
        """Notes that all changes of a scope are in the store."""
        remove_file(self._begun(scope))

    def refresh(self, scope: str, report: Callable[[str], None], now: datetime, *, keep: bool = True) -> bool:
        """Brings a scope to what the store has.

        Args:
            scope: The scope; the caller holds its lock, and nothing else changes it.
            report: Gets a sentence where what a killed process left is dropped.
            now: The present, UTC.
            keep: Whether to keep what a killed process left, if nobody committed since.

        Returns:
            Whether the store has something of it.

        Raises:
            StorageError: The store or the disk refused something.
        """
        state, key = read_state(self._state(scope)), commit_key(scope)
        found = self.store.read_newer(key, None if state is None else state.etag)
        is_left = self.is_begun(scope)
        if found is None and state is not None and state.etag is not None:
            raise StorageError(
                f"{self.store.url}/{key}: is gone. Restore it: it names what the store has of {scope}."
            )
        if found == "unchanged" or (found is None and state is not None):
            if is_left and not keep:
                commit = None if state is None else state.as_commit(now)
                self._bring_to(scope, state, commit, None if state is None else state.etag)
            return found is not None
        if found is None:
            commit, etag = None, None
        else:
            commit, etag = decode_commit(found[0], scope, f"{self.store.url}/{key}"), found[1]
        if is_left and state is not None and commit is not None and self._is_changed(scope, state):
            report(
                f"{scope}: what an interrupted run received on this machine is dropped, since "
                f"{commit.made_by} was committed meanwhile. It is asked for again."
            )
        self._bring_to(scope, state, commit, etag)
        return commit is not None

    def push(self, scope: str, made_by: str, now: datetime, require: Callable[[], None]) -> bool:
        """Commits what changed here, if anything did.

        Args:
            scope: The scope, refreshed; the caller keeps others from changing it.
            made_by: Who commits, for messages.
            now: The present, UTC.
            require: Called before the commit; raises if the caller may not commit any more.

        Returns:
            Whether there was anything to commit.

        Raises:
            StorageError: Another host has committed since; the store or the disk refused something.
        """
        state = read_state(self._state(scope)) or CopyState()
        present = self._present(scope)
        changed = state.changed(present)
        if not changed and state.files.keys() == present.keys():
            return False
        sent = self._send(scope, changed, state.files)
        files = {path: sent[path] if path in sent else state.files[path] for path in present}
        stored = {path: one.stored for path, one in files.items()}
        if stored == {path: one.stored for path, one in state.files.items()}:  # written again as it was
            write_state(self._state(scope), replace(state, files=files))
            return False
        commit, gone = next_commit(state.as_commit(now), stored, made_by, now)
        require()
        etag = self.store.write_if(commit_key(scope), encode_commit(commit), state.etag)
        if etag is None:
            raise StorageError(
                f"{self.store.url}: another host has committed {scope} meanwhile, and its commit counts. "
                "Nothing of this run was committed since; run the command again: what is missing is asked "
                "for again."
            )
        write_state(self._state(scope), CopyState(etag, commit.id, files, commit.replaced))
        self.store.remove(gone)
        return True

    def add(self, scope: str, paths: Collection[str], made_by: str, now: datetime) -> None:
        """Adds files to a scope without having the others of it, or replaces some; several hosts at once may.

        Args:
            scope: The scope.
            paths: The files, relative to the data directory.
            made_by: Who commits, for messages.
            now: The present, UTC.

        Raises:
            StorageError: The store or the disk refused something.
        """
        sent = {path: one.stored for path, one in self._send(scope, paths, {}).items()}
        key = commit_key(scope)
        for _ in range(_ATTEMPTS):
            before, etag = read_commit(self.store, scope)
            files = {**({} if before is None else before.files), **sent}
            commit, gone = next_commit(before, files, made_by, now)
            if self.store.write_if(key, encode_commit(commit), etag) is not None:
                self.store.remove(gone)
                return
        raise StorageError(f"{self.store.url}/{key}: others changed it all the time. Run the command again.")

    def _bring_to(self, scope: str, state: CopyState | None, commit: Commit | None, etag: str | None) -> None:
        """Makes the files here those of a commit; killed in between, the next refresh does it again."""
        noted, present = {} if state is None else state.files, self._present(scope)
        # Until all files are there, the copy has no commit: what is there is not taken for changes.
        write_state(self._state(scope), None)
        wanted = {} if commit is None else commit.files
        kept: dict[str, NotedFile] = {}
        for path, file in wanted.items():
            one = noted.get(path)
            if one and one.stored.sha256 == file.sha256 and present.get(path) == one.signature:
                kept[path] = NotedFile(one.signature, file)
        missing = {path: file for path, file in wanted.items() if path not in kept}
        self._receive(missing.values())
        self._put(missing)
        for path in present.keys() - wanted.keys():
            remove_file(self.directory.root / path)
        for path, file in missing.items():
            kept[path] = NotedFile(_signature(self.directory.root / path), file)
        replaced = {} if commit is None else commit.replaced
        write_state(
            self._state(scope), CopyState(etag, None if commit is None else commit.id, kept, replaced)
        )
        self.end(scope)

    def _receive(self, files: Iterable[StoredFile]) -> None:
        absent = {one.sha256: one for one in files if not self._pool.has(one.sha256, one.size)}

        def receive(file: StoredFile) -> None:
            self._pool.receive(file.sha256, checked_parts(self.store, file))

        do_at_once("received", receive, list(absent.values()))

    def _put(self, missing: Mapping[str, StoredFile]) -> None:
        by_folder: dict[Path, dict[Path, Path]] = defaultdict(dict)
        for path, file in missing.items():
            place = self.directory.root / path
            if place.parent not in by_folder:
                make_folder(place.parent)
            by_folder[place.parent][place] = self._pool.take(file.sha256, place)
        for moves in by_folder.values():
            put_in_place(moves)

    def _send(
        self, scope: str, paths: Collection[str], before: Mapping[str, NotedFile]
    ) -> dict[str, NotedFile]:
        """Sends files; of one that has the content that it had, the object stays."""
        sent: dict[str, NotedFile] = {}
        session = uuid4().hex

        def send(path: str) -> None:
            file = self.directory.root / path
            signature, link = _signature(file), self._pool.link(file)
            content = read_content(link, PurePosixPath(path))
            if content.is_damaged:
                raise StorageError(
                    f"{file}: is damaged: its content does not match the checksum in its name. Nothing of "
                    f"{scope} was committed. Check the disk, remove {self.directory.root.parent}, which is "
                    "only a cache, and run the command again."
                )
            kept = self._pool.add(link, content.sha256)
            one = before.get(path)
            if one is not None and one.stored.sha256 == content.sha256:
                sent[path] = NotedFile(signature, one.stored)
                return
            key = file_key(path, content.sha256, session)
            self.store.write(key, kept if content.size > _LARGE_BYTES else read_existing(kept))
            sent[path] = NotedFile(signature, StoredFile(content.size, content.sha256, key))

        do_at_once("sent", send, list(paths))
        return sent

    def _is_changed(self, scope: str, state: CopyState) -> bool:
        present = self._present(scope)
        return state.files.keys() != present.keys() or bool(state.changed(present))

    def _present(self, scope: str) -> dict[str, Signature]:
        """The files of a scope that are here, with their signatures."""
        root = self.directory.root
        found = {str(path): signature_of(root / path) for path in files_of(self.directory, scope)}
        return {path: signature for path, signature in found.items() if signature is not None}

    def _begun(self, scope: str) -> Path:
        return self._notes / f"{scope}.begun.json"

    def _state(self, scope: str) -> Path:
        return self._notes / f"{scope}.json"


def _signature(path: Path) -> Signature:
    found = signature_of(path)
    if found is None:
        raise StorageError(f"{path}: was removed by another program. Run the command again.")
    return found
