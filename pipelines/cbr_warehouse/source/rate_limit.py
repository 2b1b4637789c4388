"""Rate limits: one limiter for each project of each endpoint, shared by all threads that use it.

The number of concurrent requests starts low, grows while they succeed, and halves on a 429 (additive
increase, multiplicative decrease). In addition, requests are spaced out in time where that is
configured, and a pause that a server asks for holds for every thread.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Lock

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.source.shared_pace import SharedPace

FIRST_LIMIT = 2.0
MAX_LIMIT = 8.0

_NO_TIME = 1e-6
"""Seconds; less is a rounding error, and no clock moves by it."""

_log = logging.getLogger("cbr_warehouse.source")


class Slot:
    """A permit for one request.

    Attributes:
        number: Its number among all permits of the limiter.
        waited_seconds: How long the request waited for it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.waited_seconds = 0.0
        self.is_rejected = False
        self.is_success = False

    def succeed(self) -> None:
        """Records a response that is no failure of the server."""
        self.is_success = True

    def rejected(self) -> None:
        """Records a 429."""
        self.is_rejected = True


class RateLimiter:
    """Issues permits for requests. Safe to share between threads.

    Args:
        name: Name of the source, for the log.
        max_per_second: Requests per second; None for no limit.
        monotonic: Seconds that never run backwards.
        sleep: Sleeps some seconds.
        shared: The pace that other processes keep too; None for that of this process alone.
    """

    def __init__(
        self,
        name: str,
        max_per_second: float | None,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        shared: SharedPace | None = None,
    ) -> None:
        self._name = name
        self._spacing = 1.0 / max_per_second if max_per_second else 0.0
        self._monotonic = monotonic
        self._sleep = sleep
        self._shared = shared
        self._changed = Condition()
        self._limit = FIRST_LIMIT
        self._running = 0
        self._issued = 0
        self._issued_at_last_cut = 0
        self._next_at = float("-inf")
        self._paused_until = float("-inf")

    @property
    def limit(self) -> int:
        """How many requests may run at once now."""
        return int(self._limit)

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Waits for a permit, which the request holds while the block runs."""
        began_at = self._monotonic()
        with self._changed:
            while self._running >= int(self._limit):
                self._changed.wait()
            self._running += 1
            self._issued += 1
            slot = Slot(self._issued)
            start_at = max(self._monotonic(), self._next_at)
            if self._shared is not None and self._spacing:
                start_at = self._shared.reserve(start_at, self._spacing)
            self._next_at = start_at + self._spacing
        try:
            # A pause may begin, or be prolonged, while this thread waits.
            while (rest := max(start_at, self._paused_until) - self._monotonic()) > _NO_TIME:
                self._sleep(rest)
            slot.waited_seconds = self._monotonic() - began_at
            yield slot
        finally:
            self._release(slot)

    def slow_down(self, max_per_second: float) -> None:
        """Limits the rate to this many requests per second from now on; never raises it."""
        with self._changed:
            self._spacing = max(self._spacing, 1.0 / max_per_second)

    def pause(self, seconds: float) -> None:
        """Keeps every thread from starting a request for some time."""
        with self._changed:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    def _release(self, slot: Slot) -> None:
        with self._changed:
            self._running -= 1
            if slot.is_rejected:
                self._cut(slot)
            elif slot.is_success:
                self._limit = min(MAX_LIMIT, self._limit + 1.0 / self._limit)
            self._changed.notify_all()

    def _cut(self, slot: Slot) -> None:
        # Requests that ran together are rejected together: that is one reason to halve, not many.
        if slot.number <= self._issued_at_last_cut:
            return
        self._issued_at_last_cut = self._issued
        before = self.limit
        self._limit = max(1.0, self._limit / 2)
        if self.limit < before:
            _log.debug("%s: rate limited (429); at most %d requests at once now", self._name, self.limit)


class RateLimiters:
    """The rate limiters of one process. Safe to share between threads.

    Sources of one project share a limiter. Projects do not: one that is rate limited, or has very
    many tasks, slows down no other.

    Args:
        folder: Where processes share the pace of projects with ``max_requests_per_second``; None not to.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._by_project: dict[tuple[str, str], RateLimiter] = {}
        self._lock = Lock()

    def of(self, source: SourceSettings, runtime: Runtime) -> RateLimiter:
        """The limiter of a source's project; the lowest rate configured for any of its sources holds for all.

        Args:
            source: The source.
            runtime: Time, for a limiter that is new.
        """
        project = source.project_key
        with self._lock:
            limiter = self._by_project.get(project)
            if limiter is None:
                limiter = self._by_project[project] = RateLimiter(
                    source.name,
                    source.max_requests_per_second,
                    runtime.monotonic,
                    runtime.sleep,
                    None if self._folder is None else SharedPace(self._folder, project),
                )
            elif source.max_requests_per_second is not None:
                limiter.slow_down(source.max_requests_per_second)
            return limiter
