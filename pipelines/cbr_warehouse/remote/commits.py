"""What the store has of a scope: one object that names its files, replaced at once by a conditional write.

Each file is an object that never changes. Its key has its path, its checksum, and the id of the writer's
session, so that no object that is removed is ever written again: a removal that comes late harms nobody.
"""

import gzip
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.remote.scopes import scope_of, source_of_scope
from cbr_warehouse.transfer.checked_entries import require_file, require_format
from cbr_warehouse.transfer.snapshot import KEPT_AFTER_REPLACEMENT

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore

OBJECTS = "objects"
"""Prefix of the keys of files; copies have another one."""

SOURCES = "sources.json"
"""Key of the names of all sources: nobody has to list the store to find them."""

_FORMAT = 1
_ATTEMPTS = 20


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


def read_sources(store: "ObjectStore") -> tuple[str, ...]:
    """Names of all sources that a store has, by name; also of one whose first load is not committed yet.

    Raises:
        StorageError: The store refused something, or the object is not what was written.
    """
    return _read_sources(store)[0]


def add_source(store: "ObjectStore", source: str) -> None:
    """Adds a name to those that :func:`read_sources` returns, before anything of the source is committed.

    Raises:
        StorageError: The store refused something, or others were always faster.
    """
    for _ in range(_ATTEMPTS):
        known, etag = _read_sources(store)
        if source in known:
            return
        value = {"format": _FORMAT, "id": uuid4().hex, "sources": sorted({*known, source})}
        content = json.dumps(value, indent=1).encode()
        if store.write_if(SOURCES, content, etag) is not None:
            return
    raise StorageError(f"{store.url}/{SOURCES}: others changed it all the time. Run the command again.")


def _read_sources(store: "ObjectStore") -> tuple[tuple[str, ...], str | None]:
    found, where = store.read(SOURCES), f"{store.url}/{SOURCES}"
    if found is None:
        return (), None
    try:
        value = json.loads(found[0])
        require_format(value, _FORMAT, where)
        names: Collection[str] = value["sources"]
        if any(source_of_scope(f"source={name}") is None for name in names):
            raise ValueError("a name is none of a source")  # noqa: TRY301
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{where}: is not what was written ({error}). Restore an older version of this object."
        ) from error
    return tuple(sorted(names)), found[1]


def _checked_file(value: Any, scope: str) -> tuple[str, StoredFile]:
    text, size, sha256, key = value
    require_file(text, size, sha256, lambda path: scope_of(path) == scope, scope)
    return text, StoredFile(size, sha256, _checked_key(key))


def _checked_key(key: Any) -> str:
    if not isinstance(key, str) or not key.startswith(f"{OBJECTS}/"):
        raise ValueError(f"{key!r} is no key of a file")
    return key
