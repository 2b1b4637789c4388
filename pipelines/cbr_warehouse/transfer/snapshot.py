"""What a copy in a store is: the list of its files, in one object that is replaced at once.

Each file is an object of its own, whose key has its path and its checksum, so that no object ever changes.
The list, ``snapshot.json.gz``, is written last, on the condition that no other copy was finished meanwhile.
A reader has the files of one moment, whatever is being copied; objects that the list no longer names stay
for a day, for those who are reading them.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from cbr_warehouse.errors import StorageError
from cbr_warehouse.transfer.checked_entries import require_file, require_format
from cbr_warehouse.transfer.data_files import is_copied

SNAPSHOT = "snapshot.json.gz"
"""Key of the list of files."""

FILES = "files"
"""Prefix of the files' keys."""

KEPT_AFTER_REPLACEMENT = timedelta(days=1)
"""How long objects stay that the newest list does not name, for readers of an older one."""

_FORMAT = 1


@dataclass(frozen=True)
class CopiedFile:
    """A file of a copy.

    Attributes:
        path: Where it belongs in the data directory, with slashes.
        size: Bytes.
        sha256: Checksum of its content, in hex.
    """

    path: str
    size: int
    sha256: str

    @property
    def key(self) -> str:
        """The key of its object."""
        return f"{FILES}/{self.path}~{self.sha256[:16]}"


@dataclass(frozen=True)
class ReplacedObject:
    """An object that a newer copy no longer needs.

    Attributes:
        key: Its key.
        replaced_at: Since when, UTC.
    """

    key: str
    replaced_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """A copy.

    Attributes:
        id: Distinguishes it from every other one.
        made_at: When its files were what they are, UTC.
        files: Its files, by path.
        replaced: Objects of earlier copies that are still there.
    """

    id: str
    made_at: datetime
    files: tuple[CopiedFile, ...]
    replaced: tuple[ReplacedObject, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The object that names the files of a copy."""
    value = {
        "format": _FORMAT,
        "id": snapshot.id,
        "made_at": snapshot.made_at.isoformat(),
        "files": [asdict(file) for file in snapshot.files],
        "replaced": [
            {"key": one.key, "replaced_at": one.replaced_at.isoformat()} for one in snapshot.replaced
        ],
    }
    return gzip.compress(json.dumps(value, separators=(",", ":")).encode(), mtime=0)


def decode_snapshot(content: bytes, where: str) -> Snapshot:
    """Reads the object that names the files of a copy; not trusted, since others may write to a store.

    Args:
        content: The object.
        where: What it is, for messages.

    Raises:
        StorageError: It is not what this version writes, or names a file outside the data directory.
    """
    try:
        value = json.loads(gzip.decompress(content))
        require_format(value, _FORMAT, where)
        return Snapshot(
            str(value["id"]),
            datetime.fromisoformat(value["made_at"]),
            tuple(_checked_file(file) for file in value["files"]),
            tuple(
                ReplacedObject(one["key"], datetime.fromisoformat(one["replaced_at"]))
                for one in value["replaced"]
            ),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{where}: is not what was written ({error}). Copy again to another prefix, or restore an older "
            "version of it."
        ) from error


def replaced_objects(
    before: Snapshot | None, files: Sequence[CopiedFile], now: datetime
) -> tuple[ReplacedObject, ...]:
    """The objects of earlier copies that a new one does not name.

    Args:
        before: The copy that is replaced, if there is one.
        files: The files of the new one.
        now: The present, UTC.
    """
    if before is None:
        return ()
    named = {file.key for file in files}
    keys = {one.key: one for one in before.replaced} | {
        file.key: ReplacedObject(file.key, now) for file in before.files
    }
    return tuple(one for key, one in sorted(keys.items()) if key not in named)


def _checked_file(value: Any) -> CopiedFile:
    file = CopiedFile(value["path"], value["size"], value["sha256"])
    require_file(file.path, file.size, file.sha256, is_copied, "a data directory")
    return file
