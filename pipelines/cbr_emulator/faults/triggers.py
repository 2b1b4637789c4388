"""When a fault is served: at a random share of requests, or at given request numbers."""

import re
from dataclasses import dataclass
from random import Random

from cbr_emulator.dialect.settings import parse_share

FORM = "RATE|@REQUESTS"
_RANGE = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?", re.ASCII)


@dataclass(frozen=True)
class Trigger:
    """When a fault is served.

    Attributes:
        rate: Probability at any request.
        ranges: First and last number of requests with the fault; None as last for an open range.
    """

    rate: float = 0
    ranges: tuple[tuple[int, int | None], ...] = ()

    def is_due(self, request: int, random: Random) -> bool:
        """Whether the fault is due at a request.

        Args:
            request: Number of the request, from 1.
            random: Source of randomness for the rate.
        """
        if any(first <= request and (last is None or request <= last) for first, last in self.ranges):
            return True
        return self.rate > 0 and random.random() < self.rate


def parse_trigger(text: str) -> Trigger | None:
    """Parses ``0.1`` (a rate) or ``@3,7,10-20,90-`` (request numbers); returns None if it is neither.

    >>> parse_trigger("@3,10-20")
    Trigger(rate=0, ranges=((3, 3), (10, 20)))
    """
    if not text.startswith("@"):
        rate = parse_share(text)
        return None if rate is None else Trigger(rate)
    ranges = []
    for part in text[1:].split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            return None
        first = int(match[1])
        last = int(match[3]) if match[3] else None if match[2] else first
        if first < 1 or (last is not None and last < first):
            return None
        ranges.append((first, last))
    return Trigger(ranges=tuple(ranges))
