"""When a fault strikes: by chance, or at requests that were chosen beforehand."""

import re
from dataclasses import dataclass
from random import Random

from cbr_emulator.dialect.settings import parse_share

FORM = "RATE|@REQUESTS"
_RANGE = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?", re.ASCII)


@dataclass(frozen=True)
class When:
    """When a fault strikes.

    Attributes:
        rate: How probably at any request.
        ranges: First and last number of requests at which it does for certain; no last one for ever.
    """

    rate: float = 0
    ranges: tuple[tuple[int, int | None], ...] = ()

    def strikes(self, request: int, random: Random) -> bool:
        """Whether it strikes at a request, by its number.

        Args:
            request: Counted from 1.
            random: Decides where chance does.
        """
        if any(first <= request and (last is None or request <= last) for first, last in self.ranges):
            return True
        return self.rate > 0 and random.random() < self.rate


def read_when(text: str) -> When | None:
    """Reads ``0.1`` (a rate) or ``@3,7,10-20,90-`` (numbers of requests); None where it is neither.

    >>> read_when("@3,10-20")
    When(rate=0, ranges=((3, 3), (10, 20)))
    """
    if not text.startswith("@"):
        rate = parse_share(text)
        return None if rate is None else When(rate)
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
    return When(ranges=tuple(ranges))
