"""Compares this machine's clock with that of the source, by the Date of its responses.

Which days are over decides what can be complete or lost. A clock that is ahead would declare days over
that are not, one that is behind would plan a load of the past. So a load goes by the source's time.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.raw.ledger_order import CLOCK_TOLERANCE
from cbr_warehouse.source.page import Page

logger = logging.getLogger(__name__)

MOST_DRIFT = timedelta(hours=1)
"""How far the clocks may move against each other during a load."""


@dataclass
class SourceClock:
    """The present as the source has it. Safe to share between threads.

    Attributes:
        machine: This machine's clock, UTC.
        source: Name of the source, for messages.
        ahead: How far this machine is ahead of the source; zero within the tolerance.
        is_confirmed: Whether responses of the source had a Date to compare with.
    """

    machine: Callable[[], datetime]
    source: str
    ahead: timedelta = timedelta()
    is_confirmed: bool = False
    _residue: timedelta = timedelta()
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> datetime:
        """The present: this machine's clock, corrected where it is off."""
        return self.machine() - self.ahead

    def correct(self, instant: datetime) -> datetime:
        """An instant that this machine's clock gave, by the source's."""
        return instant - self.ahead

    def confirmed_now(self) -> datetime | None:
        """The present, if the source confirmed it; else None."""
        return self.now() if self.is_confirmed else None

    def certain_now(self) -> datetime:
        """The present by the clock that is behind, within the tolerance: what is over by it is over."""
        return self.now() - max(timedelta(), self._residue)

    def observe(self, page: Page) -> None:
        """Takes note of a response's time; the first one sets the correction.

        Raises:
            PermanentSourceError: The clocks moved against each other, or the source's time is impossible.
        """
        if page.served_at is None:
            return
        off = page.fetched_at - page.served_at
        with self._lock:
            if not self.is_confirmed:
                self._set(off, page.served_at)
                self.is_confirmed = True
            elif abs(off - self.ahead) > MOST_DRIFT:
                raise PermanentSourceError(
                    f"The clock of this machine and that of source {self.source} moved against each other by "
                    f"{_span(off - self.ahead)} during the load, so no day can be judged. Set this machine's "
                    "clock (NTP) and load again."
                )
            # The one that is furthest behind counts: several servers may answer, and not all are right.
            self._residue = max(self._residue, off - self.ahead)

    def _set(self, off: timedelta, served_at: datetime) -> None:
        if abs(off) <= CLOCK_TOLERANCE:
            return
        if served_at < EARLIEST:
            raise PermanentSourceError(
                f"Source {self.source} gives {served_at:%Y-%m-%d} as the present, which cannot be: no day "
                "can be judged. Check what answers at its endpoint (a proxy, or a server without a clock)."
            )
        self.ahead = off
        way = "ahead of" if off > timedelta() else "behind"
        logger.warning(
            "%s: this machine's clock is %s %s the source's; the load goes by the source's time. "
            "Set this machine's clock (NTP).",
            self.source,
            _span(off),
            way,
        )


def _span(span: timedelta) -> str:
    minutes = abs(span) // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes / 60:.0f} hours"
