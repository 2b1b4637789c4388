"""Checks what an object says that names files: it is not trusted, since others may write to a store."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from cbr_warehouse.errors import StorageError

_CHECKSUM = re.compile("[0-9a-f]{64}")


def require_format(value: Any, known: int, where: str) -> None:
    """Fails if an object has another format than this version writes.

    Args:
        value: The object.
        known: The format.
        where: What the object is, for messages.

    Raises:
        StorageError: It has.
        KeyError: It does not say which.
    """
    if value["format"] != known:
        raise StorageError(
            f"{where}: has format {value['format']}, and this version knows format {known}. "
            "Install a newer version."
        )


def require_file(
    text: str, size: object, sha256: str, belongs: Callable[[PurePosixPath], bool], place: str
) -> None:
    """Fails if an entry is none of a file below a data directory, with its size and checksum.

    Args:
        text: Path of the file, relative to the data directory.
        size: Bytes.
        sha256: Checksum of its content, in hex.
        belongs: Whether a path is one of those that the object may name.
        place: Of what they are, for messages.

    Raises:
        ValueError: It is none.
    """
    path = PurePosixPath(text)
    is_plain = str(path) == text and "\0" not in text and not path.is_absolute() and ".." not in path.parts
    if not is_plain or not belongs(path):
        raise ValueError(f"{text!r} is no file of {place}")
    if type(size) is not int or size < 0 or _CHECKSUM.fullmatch(sha256) is None:
        raise ValueError(f"{text!r} has no size and checksum")
