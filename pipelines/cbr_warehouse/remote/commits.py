"""What the store has of a scope: one object that names its files, replaced at once by a conditional write.

Each file is an object that never changes. Its key has its path, its checksum, and the id of the writer's
session, so that no object that is removed is ever written again: a removal that comes late harms nobody.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.remote.scopes import scope_of
from cbr_warehouse.transfer.checked_entries import require_file, require_format
from cbr_warehouse.transfer.snapshot import KEPT_AFTER_REPLACEMENT

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore

OBJECTS = "objects"
"""Prefix of the keys of files; copies have another one."""

_FORMAT = 1


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit.

    Attributes:
        size: Bytes.
        sha256: Checksum of its content, in hex.
        key: The key of its object.
    """

    size: int
    sha256: str
    key: str


@dataclass(frozen=True)
class Commit:
    """The state of a scope.

    Attributes:
        id: Distinguishes it from every other one.
        made_at: When it was made, UTC.
        made_by: By whom, for messages.
        files: Its files, by path in the data directory.
        replaced: Objects that it does not name any more, and since when, UTC.
    """

    id: str
    made_at: datetime
    made_by: str
    files: Mapping[str, StoredFile]
    replaced: Mapping[str, datetime] = field(default_factory=dict)


def commit_key(scope: str) -> str:
    """The key of the object that names the files of a scope."""
    return f"commits/{scope}.json.gz"


def file_key(path: str, sha256: str, session: str) -> str:
    """The key of the object of a file."""
    return f"{OBJECTS}/{path}~{sha256[:16]}-{session[:8]}"


def next_commit(
    before: Commit | None, files: Mapping[str, StoredFile], made_by: str, now: datetime
) -> tuple[Commit, tuple[str, ...]]:
    """The commit of these files, and the objects that may be removed once it is made.

    Args:
        before: The commit that it follows, if there is one.
        files: All files of the scope, by path.
        made_by: By whom it is made.
        now: The present, UTC.
    """
    named = {file.key for file in files.values()}
    older = {} if before is None else {**before.replaced}
    for file in () if before is None else before.files.values():
        older.setdefault(file.key, now)
    unnamed = {key: since for key, since in older.items() if key not in named}
    gone = tuple(sorted(key for key, since in unnamed.items() if now - since > KEPT_AFTER_REPLACEMENT))
    kept = {key: since for key, since in unnamed.items() if key not in gone}
    return Commit(uuid4().hex, now, made_by, files, kept), gone


def encode_commit(commit: Commit) -> bytes:
    """The object of a commit."""
    value = {
        "format": _FORMAT,
        "id": commit.id,
        "made_at": commit.made_at.isoformat(),
        "made_by": commit.made_by,
        "files": [[path, one.size, one.sha256, one.key] for path, one in sorted(commit.files.items())],
        "replaced": [[key, since.isoformat()] for key, since in sorted(commit.replaced.items())],
    }
    return gzip.compress(json.dumps(value, separators=(",", ":")).encode(), mtime=0)


def decode_commit(content: bytes, scope: str, where: str) -> Commit:
    """Reads the object of a commit; not trusted, since others may write to a store.

    Args:
        content: The object.
        scope: The scope whose files it names.
        where: What it is, for messages.

    Raises:
        StorageError: It is not what this version writes, or names a file that is not of the scope.
    """
    try:
        value = json.loads(gzip.decompress(content))
        require_format(value, _FORMAT, where)
        return Commit(
            str(value["id"]),
            datetime.fromisoformat(value["made_at"]),
            str(value["made_by"]),
            dict(_checked_file(one, scope) for one in value["files"]),
            {_checked_key(key): datetime.fromisoformat(since) for key, since in value["replaced"]},
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{where}: is not what was written ({error}). Restore an older version of this object."
        ) from error


def read_commit(store: "ObjectStore", scope: str) -> tuple[Commit | None, str | None]:
    """Reads what a store has of a scope, and the ETag of that object; None where there is none.

    Raises:
        StorageError: The store refused something, or as of :func:`decode_commit`.
    """
    key = commit_key(scope)
    found = store.read(key)
    if found is None:
        return None, None
    return decode_commit(found[0], scope, f"{store.url}/{key}"), found[1]


def _checked_file(value: Any, scope: str) -> tuple[str, StoredFile]:
    text, size, sha256, key = value
    require_file(text, size, sha256, lambda path: scope_of(path) == scope, scope)
    return text, StoredFile(size, sha256, _checked_key(key))


def _checked_key(key: Any) -> str:
    if not isinstance(key, str) or not key.startswith(f"{OBJECTS}/"):
        raise ValueError(f"{key!r} is no key of a file")
    return key
