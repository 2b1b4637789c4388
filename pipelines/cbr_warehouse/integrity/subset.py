"""A share of everything there is to verify: the same every time, and all shares together are the whole."""

import hashlib
from dataclasses import dataclass
from datetime import date

from cbr_warehouse.errors import UsageError


@dataclass(frozen=True)
class Subset:
    """One of several shares.

    Attributes:
        number: Which share, from 1.
        count: Number of shares.
    """

    number: int = 1
    count: int = 1

    def has(self, unit: str) -> bool:
        """Whether something belongs to this share, by its name: to exactly one of all shares."""
        digest = hashlib.blake2b(unit.encode(), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number - 1

    def has_day(self, source: str, day: str) -> bool:
        """Whether a day of a source belongs to this share; consecutive days are in different ones.

        Args:
            source: Name of the source.
            day: The UTC day, or ``unknown``.
        """
        try:
            place = date.fromisoformat(day).toordinal()
        except ValueError:
            return self.has(f"{source}/{day}")
        start = int.from_bytes(hashlib.blake2b(source.encode(), digest_size=8).digest())
        return (place + start) % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_subset(text: str) -> Subset:
    """Reads a share such as ``3/30``.

    Raises:
        UsageError: It is none.
    """
    number, _, count = text.partition("/")
    if not (number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise UsageError(f"--subset {text}: is no share. Write N/M, such as 3/30 for the third of thirty.")
    found = Subset(int(number), int(count))
    if not 1 <= found.number <= found.count:
        raise UsageError(f"--subset {text}: there is no such share. N of N/M is from 1 to M.")
    return found
