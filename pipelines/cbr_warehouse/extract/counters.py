"""Counting what comes: of a whole load, and of one of its sweeps."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from cbr_warehouse.raw.landing import Landed
from cbr_warehouse.source.page import Page


@dataclass
class LoadCounters:
    """What a load has received so far. Safe to share between threads.

    Attributes:
        records: Records received.
        distinct: Of those, records whose exact text was not held, by the day they are filed under.
        doubled: Tasks that one page had in several rows, with how many.
    """

    records: int = 0
    distinct: Counter[str] = field(default_factory=Counter)
    doubled: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, landed: Landed) -> None:
        """Adds what one batch came to."""
        with self._lock:
            self.records += landed.received
            self.distinct.update(landed.distinct)
            self.doubled.update(landed.doubled)

    @property
    def repeated(self) -> int:
        """Rows that the source may count beyond its tasks: of each doubled task all but one."""
        return sum(count - 1 for count in self.doubled.values())


@dataclass
class SweepCounters:
    """What one numbered sweep has brought so far.

    Attributes:
        number: Its number; pages are counted within it.
        progress: Told how many records each batch brought.
        landed: Pages landed under its number.
        pages: Pages received, those of its parts included.
        records: Records received, those of its parts included.
    """

    number: int
    progress: Callable[[int], None]
    landed: int = 0
    pages: int = 0
    records: int = 0

    def add(self, batch: list[Page]) -> None:
        """Counts pages that landed."""
        brought = sum(len(page.records) for page in batch)
        self.landed += len(batch)
        self.pages += len(batch)
        self.records += brought
        self.progress(brought)
