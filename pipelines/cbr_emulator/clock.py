"""The emulator's clock, and parsing of times and durations from options and requests."""

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


_MAX_SPAN = timedelta(days=36_500)
"""Longer durations could overflow the calendar."""


@dataclass
class Clock:
    """The emulator's current time.

    Attributes:
        begin: Current time at the start of the emulator, UTC.
        elapsed: Time since the start; always zero for a frozen clock.
        advanced: How far ``POST /__emulator/clock`` and the dialect's ``tick`` moved the clock.
        machine: The machine's clock, used for tokens, signatures and the Date header.
        skew: Offset added to both clocks (``--fault skew``).
    """

    begin: datetime
    elapsed: Callable[[], timedelta]
    advanced: timedelta = field(default_factory=timedelta)
    machine: Callable[[], datetime] = lambda: datetime.now(UTC)
    skew: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """Current time of the served data, UTC."""
        return self.begin + self.elapsed() + self.advanced + self.skew

    def server_time(self) -> datetime:
        """Current time of the server, UTC; ``--now`` and clock advances do not affect it."""
        return self.machine() + self.skew


def parse_span(text: str) -> timedelta | None:
    """Parses a duration such as ``90s``, ``1h`` or ``30d``; returns None if it is invalid.

    >>> parse_span("90s")
    datetime.timedelta(seconds=90)
    """
    match = _SPAN.fullmatch(text.strip())
    span = int(match[1]) * _UNITS[match[2]] if match else None
    return None if span is not None and span > _MAX_SPAN else span


def parse_time(text: str) -> datetime | None:
    """Parses an ISO 8601 time, without an offset as UTC; returns None if it is invalid."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # the offset may move it beyond year 1 or 9999
        return None
