"""The emulator's clock, and times and spans as users and requests write them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(\d{1,9})(s|m|h|d)", re.ASCII)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


_LONGEST = timedelta(days=36_500)
"""More than that, and the calendar may end before the span does."""


@dataclass
class Clock:
    """The present of what is served.

    Attributes:
        begin: Where it stood when the emulator started.
        elapsed: How long that is ago; constantly nothing for a frozen clock.
        advanced: How far it was moved by hand.
        machine: The machine's clock, by which tokens, signatures and Date go.
        skew: How far both are wrong on purpose.
    """

    begin: datetime
    elapsed: Callable[[], timedelta]
    advanced: timedelta = field(default_factory=timedelta)
    machine: Callable[[], datetime] = lambda: datetime.now(UTC)
    skew: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """The present of what is served, UTC."""
        return self.begin + self.elapsed() + self.advanced + self.skew

    def server_time(self) -> datetime:
        """What the server takes for the time, UTC; a present that was chosen or moved has no part in it."""
        return self.machine() + self.skew


def parse_span(text: str) -> timedelta | None:
    """Reads a span such as ``90s``, ``1h`` or ``30d``; None where it is none.

    >>> parse_span("90s")
    datetime.timedelta(seconds=90)
    """
    match = _SPAN.fullmatch(text.strip())
    span = int(match[1]) * _UNITS[match[2]] if match else None
    return None if span is not None and span > _LONGEST else span


def parse_time(text: str) -> datetime | None:
    """Reads an ISO 8601 time, one without a zone as UTC; None where it is none."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # an offset may lead out of the calendar
        return None
