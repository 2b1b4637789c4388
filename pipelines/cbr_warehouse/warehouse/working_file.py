"""The file of a warehouse that is being built: attached in its format, copied from the published one.

Its content is the responsibility of ``build``, its atomic replacement that of ``storage``.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import duckdb

from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.sql_text import literal

STORAGE_VERSION = "v1.2.0"
"""The oldest DuckDB whose tools open the published file."""

ROW_GROUP_ROWS = 20_480
"""A row group is kept in memory, in every column, while it is written: at DuckDB's own 122,880 rows the
versions of 100,000 tasks took 100 MB more. A multiple of 2,048."""

_UNUSED_COMPRESSIONS = "fsst"
"""DuckDB tries FSST on every column of texts, for a quarter of the CPU of writing a warehouse. Most texts are
random ids, which it makes hardly smaller."""

_FICLONE = 0x40049409
"""The request of Linux to clone a file, from linux/fs.h."""

_BLOAT_BYTES = 64 * 2**20
"""Free space in the file below which it is not worth rewriting."""


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Makes a warehouse file what an engine works on while the block runs.

    There is no WAL: the file is published after a checkpoint, or not at all.

    Args:
        connection: An engine in memory.
        path: The file; created if missing.
    """
    connection.execute(f"SET disabled_compression_methods = '{_UNUSED_COMPRESSIONS}'")
    with _without_question_mark(path) as name:
        connection.execute(
            f"ATTACH {literal(name)} AS warehouse "
            f"(STORAGE_VERSION '{STORAGE_VERSION}', ROW_GROUP_SIZE {ROW_GROUP_ROWS}, "
            "RECOVERY_MODE no_wal_writes)"
        )
        connection.execute("USE warehouse")
        yield
        connection.execute("USE memory")
        connection.execute("DETACH warehouse")


@contextmanager
def _without_question_mark(path: Path) -> Iterator[Path]:
    """A place to write the file at where its path holds ``?``; its content comes from there in the end.

    DuckDB puts the WAL's ``.wal`` before the first ``?``, into a folder that does not exist, and it
    resolves symbolic links.
    """
    if "?" not in str(path):
        yield path
        return
    with TemporaryDirectory(prefix="cbr-warehouse-") as folder:
        elsewhere = Path(folder) / "warehouse.duckdb"
        if path.exists():
            copy_file(path, elsewhere)
        path.touch()
        yield elsewhere
        copy_file(elsewhere, path)


def is_bloated(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether so much of the attached file is free space that it is worth rewriting."""
    query = "SELECT block_size * free_blocks FROM pragma_database_size() WHERE database_name = 'warehouse'"
    free = int(connection.execute(query).fetchall()[0][0])
    return free > max(_BLOAT_BYTES, path.stat().st_size // 2)


def can_clone(path: Path) -> bool:
    """Whether the file system copies a file without copying its bytes (reflink: btrfs, XFS, ZFS, APFS)."""
    if sys.platform != "linux":
        return sys.platform == "darwin"
    probe = path.with_name(f"{TEMPORARY_PREFIX}{uuid4().hex}-clone")
    try:
        with path.open("rb") as source, probe.open("xb") as target:
            ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def copy_file(origin: Path, target: Path) -> None:
    """Copies by reflink where the file system can, else by bytes."""
    with suppress(OSError, AttributeError), origin.open("rb") as source, target.open("wb") as sink:
        left = origin.stat().st_size
        while left:
            copied = os.copy_file_range(source.fileno(), sink.fileno(), left)
            if not copied:
                break
            left -= copied
        if not left:
            return
    shutil.copyfile(origin, target)
