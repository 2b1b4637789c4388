"""Which files of a data directory belong to a copy, and what they contain."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.files import open_file

_OF_THIS_MACHINE = {".locks", ".rates", ".copy", ".remote", "README.md", ".gitignore"}
"""Locks and rates of running processes, and the files that git has beside the data."""

_LOCK_SUFFIXES = {".lock", ".queue"}

_RAW_PARQUET = re.compile(r"raw/(records|manifests|inventory)/.*-([0-9a-f]{16})\.parquet")
"""Files whose names end in a checksum of their content: 8 bytes of BLAKE2b, as ``raw.files`` has it."""

_READ_BYTES = 2**20


@dataclass(frozen=True)
class Content:
    """What a file contains.

    Attributes:
        size: Bytes.
        sha256: Its checksum, in hex.
        is_damaged: Whether it is not what its name says.
    """

    size: int
    sha256: str
    is_damaged: bool


def is_copied(path: PurePosixPath) -> bool:
    """Whether a file belongs to a copy: everything but locks, unfinished files and what git has.

    Args:
        path: The file, relative to the data directory.
    """
    if not path.parts or path.parts[0] in _OF_THIS_MACHINE:
        return False
    if any(part.startswith(TEMPORARY_PREFIX) for part in path.parts):
        return False
    first = PurePosixPath(path.parts[0])
    return not (first.name.startswith(".") and first.suffix in _LOCK_SUFFIXES)


def read_content(file: Path, path: PurePosixPath) -> Content:
    """Reads a file once, for its checksums.

    Args:
        file: Where it is now.
        path: Where it belongs in the data directory.

    Raises:
        StorageError: It cannot be read.
    """
    whole, named = hashlib.sha256(), _RAW_PARQUET.fullmatch(str(path))
    short, size = hashlib.blake2b(digest_size=8), 0
    with open_file(file) as content:
        while part := content.read(_READ_BYTES):
            size += len(part)
            whole.update(part)
            if named is not None:
                short.update(part)
    return Content(size, whole.hexdigest(), named is not None and named[2] != short.hexdigest())
