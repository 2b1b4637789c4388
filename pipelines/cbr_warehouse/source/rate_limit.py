"""One budget of requests for a source's project, shared by all threads of its client.

How many requests run at once starts low, grows while they succeed, and halves when the source says
that it is asked too much (additive increase, multiplicative decrease). On top, if configured,
requests are spaced out in time; and a source that asks for a pause gets it from every thread.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

FIRST_LIMIT = 2.0
MOST_LIMIT = 8.0

_NO_TIME = 1e-6
"""Less is a rounding error, and no clock moves by it."""

_log = logging.getLogger("cbr_warehouse.source")


class Slot:
    """Leave to make one request.

    Attributes:
        waited_seconds: How long it took to get.
    """

    def __init__(self, number: int, waited_seconds: float) -> None:
        self.number = number
        self.waited_seconds = waited_seconds
        self.is_too_many = False
        self.is_success = False

    def succeed(self) -> None:
        """Says that the source answered well."""
        self.is_success = True

    def rejected(self) -> None:
        """Says that the source is asked too much."""
        self.is_too_many = True


class RateLimiter:
    """Gives leave to make requests. Safe to share between threads.

    Args:
        name: Name of the source, for the log.
        most_per_second: The most requests in a second; None for no bound.
        monotonic: Seconds that never run backwards.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        name: str,
        most_per_second: float | None,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._name = name
        self._spacing = 1.0 / most_per_second if most_per_second else 0.0
        self._monotonic = monotonic
        self._sleep = sleep
        self._changed = Condition()
        self._limit = FIRST_LIMIT
        self._running = 0
        self._given = 0
        self._given_at_last_cut = 0
        self._next_at = float("-inf")
        self._paused_until = float("-inf")
        self._too_many = 0

    @property
    def too_many(self) -> int:
        """How many requests the source refused as too many so far."""
        return self._too_many

    @property
    def limit(self) -> int:
        """How many requests may run at once now."""
        return int(self._limit)

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Waits for leave to make one request, and holds it while the block runs."""
        asked_at = self._monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._running < self.limit)
            self._running += 1
            self._given += 1
            number = self._given
            start_at = max(self._monotonic(), self._next_at)
            self._next_at = start_at + self._spacing
        slot = Slot(number, 0.0)
        try:
            self._wait_until(start_at)
            slot.waited_seconds = self._monotonic() - asked_at
            yield slot
        finally:
            self._settle(slot)

    def slow_down(self, most_per_second: float) -> None:
        """Makes no more requests in a second than this from now on; never more than before."""
        with self._changed:
            self._spacing = max(self._spacing, 1.0 / most_per_second)

    def pause(self, seconds: float) -> None:
        """Keeps every thread from beginning a request for some time."""
        with self._changed:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    def _wait_until(self, start_at: float) -> None:
        # A pause may be asked for, or prolonged, while this thread waits.
        while (rest := max(start_at, self._paused_until) - self._monotonic()) > _NO_TIME:
            self._sleep(rest)

    def _settle(self, slot: Slot) -> None:
        with self._changed:
            self._running -= 1
            if slot.is_too_many:
                self._too_many += 1
                self._cut(slot)
            elif slot.is_success:
                self._limit = min(MOST_LIMIT, self._limit + 1.0 / self._limit)
            self._changed.notify_all()

    def _cut(self, slot: Slot) -> None:
        # Requests that ran together are refused together: that is one reason to halve, not many.
        if slot.number <= self._given_at_last_cut:
            return
        self._given_at_last_cut = self._given
        before = self.limit
        self._limit = max(1.0, self._limit / 2)
        if self.limit < before:
            _log.debug("%s: asked too much; at most %d at once from now on", self._name, self.limit)
