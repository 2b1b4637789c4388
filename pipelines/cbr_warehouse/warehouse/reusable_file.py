"""Whether the next warehouse can be built on the published one, or only from the tables.

A load publishes a checksum of the file with it. A file that has another content was changed by
another program or damaged by the disk; building on it would pass that on for ever. Each load that publishes
reads two files whole for it, so the checksum is XXH3 in 128 bits: it finds damage as surely as SHA-256, which
earlier versions noted and which takes several times as long. Neither would stop who can write the note too.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import xxhash

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.storage.atomic_write import read_json, write_json
from cbr_warehouse.storage.disk_errors import as_read_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.open_published import open_published

logger = logging.getLogger(__name__)

_CHECK_SECONDS = 86_400.0
"""A file that stays as it is is read whole this often: the disk may damage it without another trace."""

_SHA256_DIGITS = 64
"""Of a checksum that an earlier version noted."""

_AGAIN = "It is built again from the tables."


def is_reusable(
    directory: DataDirectory,
    contract: Contract,
    current: str | None,
    *,
    report: Callable[..., None] = logger.warning,
) -> bool:
    """Whether the published file exists, is as it was published, and is of this contract.

    Args:
        directory: The data directory.
        contract: The contract of the next warehouse.
        current: Checksum of the published file; None if the file does not exist.
        report: Gets what is wrong with the file, as a logger does.
    """
    path = directory.warehouse
    if current is None:
        return False
    note = _read_note(directory)
    if not note.is_of(current):
        report(
            "%s: its content is not what was published: another program changed it, or the disk damaged it. "
            "%s Open it read-only (duckdb -readonly), and check the disk.",
            path,
            _AGAIN,
        )
        return False
    if note.contract is not None and note.checksums[-1:] == (current,):
        return note.contract == contract.warehouse_fingerprint
    try:
        with open_published(path) as connection:
            rows = connection.execute("SELECT fingerprint FROM meta.contract").fetchall()
    except WarehouseError as error:
        report("%s %s", error, _AGAIN)
        return False
    except duckdb.Error:  # no such table: not a warehouse of ours
        report("%s: is not a warehouse of this program. %s", path, _AGAIN)
        return False
    return bool(rows == [(contract.warehouse_fingerprint,)])


def is_published(directory: DataDirectory, current: str | None) -> bool:
    """Whether the published file is as a load noted it; true of one from before there were notes."""
    return current is not None and _read_note(directory).is_of(current)


def published_checksum(directory: DataDirectory) -> str | None:
    """Checksum that the published file has, by all that is known of it; None if there is none.

    The file is read once a day, and whenever its size, time or inode is not as it was published: what it
    costs to read it whole is no part of a load without news. A load that builds on it reads it whole.

    Raises:
        StorageError: The file cannot be read.
    """
    path, note = directory.warehouse, _read_note(directory)
    is_recent = 0 <= time.time() - note.checked_at < _CHECK_SECONDS
    if note.checksums and is_recent and note.identity == _identity(path):
        return note.checksums[-1]
    return read_checksum(directory)


def read_checksum(directory: DataDirectory) -> str | None:
    """Checksum of the content of the published file, of the kind that is noted; None if there is none.

    Raises:
        StorageError: The file cannot be read.
    """
    path, noted = directory.warehouse, _read_note(directory).checksums
    if any(len(one) == _SHA256_DIGITS for one in noted) and (found := checksum(path, "sha256")) in noted:
        return found
    return checksum(path)


def checksum(path: Path, kind: str | type[xxhash.xxh3_128] = xxhash.xxh3_128) -> str | None:
    """Checksum of a file, in hex; None if it does not exist.

    Args:
        path: The file.
        kind: What makes it, or its name in ``hashlib``.

    Raises:
        StorageError: The file cannot be read.
    """
    with as_read_error(path):
        try:
            with path.open("rb") as content:
                return hashlib.file_digest(content, kind).hexdigest()
        except FileNotFoundError:
            return None


def note_next(directory: DataDirectory, current: str | None, next_file: Path, contract: str | None) -> None:
    """Notes the checksums that the published file may have, and the contract of the next one.

    Written before the rename with those of both files, so that a crash on either side of it leaves
    a note that matches.

    Args:
        directory: The data directory.
        current: That of the published file, if a load published it.
        next_file: The file that is to replace it.
        contract: Fingerprint of that one's contract; None if only the file says it.
    """
    checksums = tuple(one for one in (current, checksum(next_file)) if one)
    note = _Note(checksums, _identity(next_file), time.time(), contract)
    write_json(directory.warehouse_note, msgspec.to_builtins(note))


class _Note(msgspec.Struct, frozen=True):
    """What is known of the published file.

    Attributes:
        checksums: Those that it may have, the newest last; empty before there were notes.
        identity: Size in bytes, time of its last change in nanoseconds, and inode, of the newest.
        checked_at: When the newest was last read whole, in seconds since 1970.
        contract: Fingerprint of the contract of the newest; None as written by earlier versions.
    """

    checksums: tuple[str, ...] = ()
    identity: tuple[int, int, int] | None = None
    checked_at: float = 0.0
    contract: str | None = None

    def is_of(self, current: str) -> bool:
        """Whether a load published a file of this checksum, by all that is known."""
        return not self.checksums or current in self.checksums


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _read_note(directory: DataDirectory) -> _Note:
    try:
        noted = read_json(directory.warehouse_note)
        if isinstance(noted, list):  # as written by earlier versions
            return _Note(tuple(str(one) for one in noted))
        return _Note() if noted is None else msgspec.convert(noted, _Note)
    except (StorageError, msgspec.ValidationError):
        return _Note(("unreadable",))
