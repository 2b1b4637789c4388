"""What a working copy notes of a scope: which commit it has, and what each file was when it was put there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from cbr_warehouse.remote.commits import Commit, StoredFile
from cbr_warehouse.storage.atomic_write import read_json, write_json
from cbr_warehouse.storage.layout import DataDirectory

NOTES = ".remote"
"""The folder with the notes, below a working copy."""

Signature = tuple[int, int, int]
"""What the system says of a file: another one, and it is another file."""


@dataclass(frozen=True)
class NotedFile:
    """A file as it was received or sent.

    Attributes:
        signature: Of the file here.
        stored: What it is in the store.
    """

    signature: Signature
    stored: StoredFile


@dataclass(frozen=True)
class CopyState:
    """What a working copy has of a scope.

    Attributes:
        etag: ETag of the commit that it has; None before the first one.
        commit: Id of that commit; None before the first one.
        files: Its files, by path.
        replaced: As of the commit.
    """

    etag: str | None = None
    commit: str | None = None
    files: Mapping[str, NotedFile] = field(default_factory=dict)
    replaced: Mapping[str, datetime] = field(default_factory=dict)

    def as_commit(self, now: datetime) -> Commit | None:
        """The commit that the copy has, without who made it and when.

        Args:
            now: Takes the place of when it was made.
        """
        if self.commit is None:
            return None
        files = {path: one.stored for path, one in self.files.items()}
        return Commit(self.commit, now, "", files, self.replaced)

    def changed(self, present: Mapping[str, Signature]) -> list[str]:
        """Files that are other ones than were noted, or were not.

        Args:
            present: The signatures of all files that are there.
        """
        return [
            path
            for path, signature in present.items()
            if path not in self.files or self.files[path].signature != signature
        ]


def copy_id(directory: DataDirectory) -> str:
    """Distinguishes a working copy, or a folder that is copied into a store, from those of other machines.

    Raises:
        StorageError: It could not be read or written.
    """
    path = directory.root / NOTES / "copy.json"
    found = read_json(path)
    if found is None:
        found = {"id": uuid4().hex}
        write_json(path, found)
    return str(found["id"])


def read_state(path: Path) -> CopyState | None:
    """Reads a note; None where there is none, or the copy was being brought to another commit.

    Raises:
        StorageError: It cannot be read.
    """
    value = read_json(path)
    if value is None or value["files"] is None:
        return None
    files = {
        name: NotedFile((size, changed, inode), StoredFile(size, sha256, key))
        for name, (size, changed, inode, sha256, key) in value["files"].items()
    }
    replaced = {key: datetime.fromisoformat(since) for key, since in value["replaced"].items()}
    return CopyState(value["etag"], value["commit"], files, replaced)


def write_state(path: Path, state: CopyState | None) -> None:
    """Writes a note; None before the copy is brought to another commit.

    Raises:
        StorageError: It could not be written.
    """
    if state is None:
        write_json(path, {"files": None})
        return
    files = {name: [*one.signature, one.stored.sha256, one.stored.key] for name, one in state.files.items()}
    replaced = {key: since.isoformat() for key, since in state.replaced.items()}
    write_json(path, {"etag": state.etag, "commit": state.commit, "files": files, "replaced": replaced})
