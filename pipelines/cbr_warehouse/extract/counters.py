"""Counters of received pages and records: of a whole load, and of one of its sweeps."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from cbr_warehouse.raw.landing import Landed
from cbr_warehouse.source.page import Page


@dataclass
class LoadCounters:
    """Records received by a load so far. Safe to share between threads.

    Attributes:
        records: Records received.
        distinct: Records whose exact text was not stored before, by the partition they are filed under.
        doubled: Tasks that occurred in several rows of one page, with the number of rows.
    """

    records: int = 0
    distinct: Counter[str] = field(default_factory=Counter)
    doubled: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, landed: Landed) -> None:
        """Adds a page that was landed."""
        with self._lock:
            self.records += landed.received
            self.distinct.update(landed.distinct)
            self.doubled.update(landed.doubled)

    @property
    def repeated(self) -> int:
        """Surplus rows that the source's counts may include: all but one of each doubled task."""
        return sum(count - 1 for count in self.doubled.values())


@dataclass
class SweepCounters:
    """Pages and records received by one sweep so far.

    Attributes:
        number: Its number within the load.
        progress: Called with the number of records of each page.
        landed: Pages landed under this number.
        pages: Pages received, those of the parts of a split window included.
        records: Records received, those of the parts of a split window included.
    """

    number: int
    progress: Callable[[int], None]
    landed: int = 0
    pages: int = 0
    records: int = 0

    def add(self, page: Page) -> None:
        """Adds a page that was landed."""
        records = len(page.records)
        self.landed += 1
        self.pages += 1
        self.records += records
        self.progress(records)
