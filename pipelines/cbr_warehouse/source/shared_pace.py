"""The pace of a project's requests, shared with other processes of this machine through a small file.

The file has the monotonic time of the next request, which all processes of a machine read alike.
"""

import fcntl
import hashlib
import logging
import os
import struct
from pathlib import Path

_FORMAT = struct.Struct("<d")
_LONGEST_QUEUE = 1000
"""Requests that may wait before it is more likely that the time in the file is of another boot."""

_log = logging.getLogger("cbr_warehouse.source")


class SharedPace:
    """Spaces out requests of several processes. Safe to share between threads.

    Args:
        folder: Folder of the files; made if it is missing.
        project: What identifies the project.
    """

    def __init__(self, folder: Path, project: tuple[str, ...]) -> None:
        name = hashlib.blake2b("\n".join(project).encode(), digest_size=16).hexdigest()
        self._path = folder / name
        self._is_usable = True

    def reserve(self, now: float, spacing: float) -> float:
        """Takes the next time at which a request may be sent.

        Args:
            now: The present, seconds of ``time.monotonic``.
            spacing: Seconds until the request after it.

        Returns:
            The time, not before now. Now, where the file cannot be used: the pace is then kept within this
            process only, and the log says so once.
        """
        if not self._is_usable:
            return now
        try:
            return self._reserve(now, spacing)
        except OSError as error:
            self._is_usable = False
            _log.warning(
                "%s: cannot be used (%s). The rate limit of a project holds in each process for itself.",
                self._path,
                error.strerror,
            )
            return now

    def _reserve(self, now: float, spacing: float) -> float:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            # Of this handle, so that threads of one process wait for each other too.
            fcntl.flock(handle, fcntl.LOCK_EX)
            content = os.pread(handle, _FORMAT.size, 0)
            next_at = _FORMAT.unpack(content)[0] if len(content) == _FORMAT.size else now
            if not now <= next_at <= now + _LONGEST_QUEUE * spacing:
                next_at = now
            os.pwrite(handle, _FORMAT.pack(next_at + spacing), 0)
            return float(next_at)
        finally:
            os.close(handle)
