"""Small JSON files with a checksum inside: the ledgers of raw and the state of the tables.

The checksum is a key beside the others, so the file stays readable without this code. Files
written before there were checksums are read as they are.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.storage.atomic_write import read_file, write_json

CHECKSUM = "checksum"
"""The key that holds the checksum of all the others."""


def write_checked_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes an object as JSON, whole, with its checksum.

    Args:
        path: Where to write; an older file is replaced.
        value: The object; it has no key ``checksum``.

    Raises:
        StorageError: The file could not be written.
    """
    write_json(path, {CHECKSUM: _checksum(value), **value})


def read_checked_json(path: Path, keys: Collection[str] | None) -> dict[str, Any] | None:
    """Reads an object that :func:`write_checked_json` wrote, and verifies it.

    Args:
        path: The file.
        keys: The keys that its reader knows, None where any may be in it. Others are left out
            where the checksum is right: a newer version wrote them.

    Returns:
        The object without its checksum, or None where there is no such file.

    Raises:
        DamagedFileError: The file is not what was written.
        StorageError: The file cannot be read.
    """
    content = read_file(path)
    return None if content is None else parse_checked_json(path, content, keys)


def parse_checked_json(path: Path, content: bytes, keys: Collection[str] | None) -> dict[str, Any]:
    """The object in the content of a file that :func:`write_checked_json` wrote, verified.

    Args:
        path: The file, for messages.
        content: Its bytes.
        keys: As of :func:`read_checked_json`.

    Raises:
        DamagedFileError: The content is not what was written.
    """
    try:
        value = json.loads(content)
    except ValueError as error:
        raise DamagedFileError(path, f"it is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise DamagedFileError(path, "it is no JSON object")
    checksum = value.pop(CHECKSUM, None)
    if checksum is None and keys is not None and not value.keys() <= set(keys):
        # A damaged key `checksum` must not pass for a file that never had one.
        raise DamagedFileError(path, f"unknown key {min(value.keys() - set(keys))!r}")
    if checksum is not None and checksum != _checksum(value):
        raise DamagedFileError(path, "its content is not what its checksum says")
    return {key: value[key] for key in value if keys is None or key in keys}


def _checksum(value: Mapping[str, Any]) -> str:
    """128 bits over the object in one fixed spelling, in hex."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
