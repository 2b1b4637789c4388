"""Whether the next warehouse can be built on the published one, or only from the tables.

A load publishes a checksum of the file with it. A file that has another content was changed by
another program or damaged by the disk; building on it would pass that on for ever.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.storage.atomic_write import read_json, write_json
from cbr_warehouse.storage.disk_errors import as_read_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.open_published import open_published

logger = logging.getLogger(__name__)

_AGAIN = "It is built again from the tables."


def is_reusable(directory: DataDirectory, contract: Contract, current: str | None) -> bool:
    """Whether the published file exists, is as it was published, and is of this contract.

    Args:
        directory: The data directory.
        contract: The contract of the next warehouse.
        current: SHA-256 of the published file; None if the file does not exist.
    """
    path = directory.warehouse
    if current is None:
        return False
    if not is_published(directory, current):
        logger.warning(
            "%s: its content is not what was published: another program changed it, or the disk damaged it. "
            "%s Open it read-only (duckdb -readonly), and check the disk.",
            path,
            _AGAIN,
        )
        return False
    try:
        with open_published(path) as connection:
            rows = connection.execute("SELECT fingerprint FROM meta.contract").fetchall()
    except WarehouseError as error:
        logger.warning("%s %s", error, _AGAIN)
        return False
    except duckdb.Error:  # no such table: not a warehouse of ours
        logger.warning("%s: is not a warehouse of this program. %s", path, _AGAIN)
        return False
    return bool(rows == [(contract.fingerprint,)])


def is_published(directory: DataDirectory, current: str | None) -> bool:
    """Whether the published file is as a load noted it; true of one from before there were notes."""
    known = _read_checksums(directory)
    return current is not None and (not known or current in known)


def checksum(path: Path) -> str | None:
    """SHA-256 of a warehouse file; None if the file does not exist.

    Raises:
        StorageError: The file cannot be read.
    """
    with as_read_error(path):
        try:
            with path.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest()
        except FileNotFoundError:
            return None


def note_checksums(directory: DataDirectory, checksums: Sequence[str]) -> None:
    """Notes the checksums that the published file may have.

    Written before the rename with those of both files, so that a crash on either side of it leaves
    a note that matches.

    Args:
        directory: The data directory.
        checksums: Those of the published file and the next one.
    """
    write_json(directory.warehouse_note, list(checksums))


def _read_checksums(directory: DataDirectory) -> list[str]:
    try:
        noted = read_json(directory.warehouse_note)
    except StorageError:
        return ["unreadable"]
    return [str(one) for one in noted] if isinstance(noted, list) else []
