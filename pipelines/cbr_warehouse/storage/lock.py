"""One load at a time for a data directory: an advisory lock that dies with its holder."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.storage.atomic_write import make_folder
from cbr_warehouse.storage.disk_errors import as_storage_error

_POLL_SECONDS = 0.5


@contextmanager
def hold_lock(path: Path, *, what: str, now: datetime, wait: bool) -> Iterator[None]:
    """Holds the lock while the block runs.

    Args:
        path: The lock file.
        what: What its holder does, for whom it keeps out.
        now: When the holder began.
        wait: Whether to wait for another holder instead of failing.

    Raises:
        LoadRunningError: Another process holds it, and ``wait`` is false.
        StorageError: The lock file cannot be written or locked.
    """
    try:
        make_folder(path.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(
            f"{path.parent}: cannot be written ({error.strerror}). "
            "Check the folder's permissions, or choose another with --data-dir."
        ) from error
    try:
        with as_storage_error(path):
            while not _try_lock(handle):
                if not wait:
                    raise LoadRunningError(f"{_holder(handle)} Wait for it with --wait, or try again later.")
                time.sleep(_POLL_SECONDS)
            note = json.dumps({"what": what, "pid": os.getpid(), "since": now.isoformat(timespec="seconds")})
            os.ftruncate(handle, 0)
            os.pwrite(handle, note.encode(), 0)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        return "Another load is running."
    return f"Another load is running: {note['what']} (process {note['pid']}), since {note['since']}."
