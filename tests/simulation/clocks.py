"""The simulated time: the world's, which the source has, and the machine's, which may be wrong."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any


class Clocks:
    """Time that moves only when somebody sleeps.

    Args:
        begin: When the world begins, UTC.

    Attributes:
        skew: How far the machine's clock is ahead.
    """

    def __init__(self, begin: datetime) -> None:
        self._begin = begin
        self._elapsed = timedelta()
        self.skew = timedelta()

    def now(self) -> datetime:
        """The true time."""
        return self._begin + self._elapsed

    def machine(self) -> datetime:
        """The time by the machine's clock."""
        return self.now() + self.skew

    def elapsed(self) -> timedelta:
        """The true time since the beginning."""
        return self._elapsed

    def monotonic(self) -> float:
        """Seconds since the beginning; no fault of a clock concerns them."""
        return self._elapsed.total_seconds()

    def advance(self, seconds: float) -> None:
        """Moves on."""
        self._elapsed += timedelta(seconds=max(0.0, seconds))


class TimeModule:
    """Stands in for the module ``time`` in the modules of the warehouse."""

    def __init__(self, clocks: Clocks, sleep: Callable[[float], None]) -> None:
        self._clocks = clocks
        self.sleep = sleep
        self.monotonic = clocks.monotonic
        self.perf_counter = clocks.monotonic

    def time(self) -> float:
        """Seconds since 1970 by the machine's clock."""
        return self._clocks.machine().timestamp()

    def time_ns(self) -> int:
        """The same in nanoseconds."""
        return int(self.time() * 1e6) * 1000

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
