"""The seed of a life: a short text, and streams of random numbers that are independent of each other."""

import re
from dataclasses import dataclass
from random import Random
from typing import Self

MOST_CHARACTERS = 20

_FORM = re.compile(r"(\d{1,12})x(\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class Seed:
    """What a life is a function of.

    Attributes:
        number: Selects the life.
        ticks: Hourly ticks of its schedule.
    """

    number: int
    ticks: int

    def __str__(self) -> str:
        return f"{self.number}x{self.ticks}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a seed as it is printed.

        Raises:
            ValueError: It is none.

        >>> Seed.parse("81x336")
        Seed(number=81, ticks=336)
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text}: no seed. A seed is a number, x, and a number of ticks, such as 81x336."
            )
        return cls(int(match[1]), int(match[2]))

    def stream(self, purpose: str) -> Random:
        """Random numbers for one purpose: what one of them draws changes nothing for the others."""
        return Random(f"{self}/{purpose}")
