"""What happened in a life, line by line: its hash tells whether two runs were the same."""

import hashlib
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

KEPT = 60
"""Last lines that are printed where a life fails."""


class EventLog:
    """Lines with the simulated time.

    Args:
        now: The simulated time.
        path: Gets every line; None to keep the last ones alone.

    Attributes:
        last: The last lines.
        lines: How many there were.
    """

    def __init__(self, now: Callable[[], datetime], path: Path | None = None) -> None:
        self._now = now
        self._hash = hashlib.sha256()
        self._file = path.open("w", encoding="utf-8") if path else None
        self.last: deque[str] = deque(maxlen=KEPT)
        self.lines = 0

    def note(self, what: str) -> None:
        """Adds a line."""
        line = f"{self._now():%m-%d %H:%M:%S.%f} {what}"
        self.lines += 1
        self.last.append(line)
        self._hash.update(line.encode())
        if self._file:
            print(line, file=self._file, flush=True)

    def digest(self) -> str:
        """A hash of all lines so far."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Closes the file."""
        if self._file:
            self._file.close()
