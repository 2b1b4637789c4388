"""Advisory file locks that die with their holder, granted in the order they were asked for.

What each lock protects is decided by ``load.locks``.
"""

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.storage.atomic_write import make_folder
from cbr_warehouse.storage.disk_errors import as_storage_error

REPORT_EVERY_SECONDS = 60.0
"""How often a process that waits says again what it waits for."""

_POLL_SECONDS = 0.05
_FIRST_POLL_SECONDS = 0.005
"""Before the second look, then twice as long each time: sources of one load hold a lock for milliseconds."""

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def _ignore(_sentence: str) -> None:
    """Reports nothing."""


@contextmanager
def hold_lock(
    path: Path,
    *,
    what: str,
    now: datetime,
    wait: bool,
    report: Callable[[str], None] = _ignore,
    quiet_seconds: float = 0.0,
) -> Iterator[bool]:
    """Holds an exclusive lock while the block runs; threads of one process exclude each other too.

    Processes that wait are served in the order in which they began to wait. One that does not
    wait takes a lock that is free even if others are about to.

    Args:
        path: The lock file. It is created, never removed, and must not be a symbolic link.
        what: What the holder does; processes that are kept out report it.
        now: When the holder began, UTC.
        wait: Whether to wait for another holder instead of failing.
        report: Called with a sentence that names the holder, once a minute while waiting.
        quiet_seconds: Waits shorter than this are not reported.

    Yields:
        Whether the holder before did not come to its end: it was killed, and may have left something behind.

    Raises:
        LoadRunningError: Another process holds the lock, and ``wait`` is false.
        StorageError: The lock file cannot be written or locked.
    """
    handle = _open(path)
    try:
        with as_storage_error(path):
            if not wait:
                if not (_try_lock(handle) or _try_lock_again(handle)):
                    raise LoadRunningError(
                        f"Another load is running: {_holder(handle)}. "
                        "Wait for it with --wait, or try again later."
                    )
            else:
                _wait_for(handle, path.with_suffix(".queue"), report, quiet_seconds)
            was_killed = os.fstat(handle).st_size > 0
            note = json.dumps({"what": what, "pid": os.getpid(), "since": now.isoformat(timespec="seconds")})
            os.ftruncate(handle, 0)
            os.pwrite(handle, note.encode(), 0)
        yield was_killed
        os.ftruncate(handle, 0)  # not after an exception: what it left is looked for, too
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        make_folder(path.parent)
        return os.open(path, _OPEN, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StorageError(
                f"{path}: the lock file is a symbolic link, which is not followed. Remove the link."
            ) from error
        raise StorageError(
            f"{path.parent}: cannot be written ({error.strerror}). "
            "Check the folder's permissions, or choose another with --data-dir."
        ) from error


def _wait_for(handle: int, queue: Path, report: Callable[[str], None], quiet_seconds: float) -> None:
    if not _is_waited_for(queue) and _try_lock(handle):
        return
    report_at = time.monotonic() + quiet_seconds
    pause = _FIRST_POLL_SECONDS
    with _ticket(queue) as ticket:
        while not (_is_first(queue, ticket) and _try_lock(handle)):
            if time.monotonic() >= report_at:
                report(f"waiting for {_holder(handle)}")
                report_at = time.monotonic() + REPORT_EVERY_SECONDS
            time.sleep(pause)
            pause = min(2 * pause, _POLL_SECONDS)


def _is_waited_for(queue: Path) -> bool:
    return queue.is_dir() and any(queue.iterdir())


@contextmanager
def _ticket(queue: Path) -> Iterator[Path]:
    """A place in the queue: a file, locked by the process that waits, so that it dies with it."""
    make_folder(queue)
    ticket = queue / f"{time.time_ns():020d}-{uuid4().hex}"
    handle = os.open(ticket, _OPEN, 0o600)
    try:
        _try_lock(handle)
        yield ticket
    finally:
        ticket.unlink(missing_ok=True)
        os.close(handle)


def _is_first(queue: Path, ticket: Path) -> bool:
    """Whether nobody alive waits longer; tickets of processes that died are removed."""
    for earlier in sorted(queue.iterdir()):
        if earlier.name >= ticket.name:
            break
        with suppress(FileNotFoundError):
            handle = os.open(earlier, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if not _try_lock(handle):
                    return False
                earlier.unlink(missing_ok=True)
            finally:
                os.close(handle)
    return True


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_again(handle: int) -> bool:
    """A moment later: ``describe_holder`` takes a lock for an instant to see that it is free."""
    time.sleep(_POLL_SECONDS)
    return _try_lock(handle)


def describe_holder(path: Path) -> str | None:
    """Who holds a lock, and since when; None if nobody does.

    Args:
        path: The lock file; there need not be one.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(handle) else _holder(handle)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return f"{note['what']} (process {note['pid']}), since {note['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
