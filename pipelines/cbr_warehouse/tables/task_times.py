"""The times of stored tasks, to compare with the source's counts whichever column its filters apply to.

Which column ``start_time`` applies to is undocumented, so the audit keeps the times of each
candidate. ``stored_tasks`` reads them from the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np

from cbr_warehouse.tables.sorted_times import SortedTimes

COLUMNS = ("created_at", "started_at", "updated_at")
"""Columns that the time filters of the API may apply to."""

_SECOND = 1_000_000
_QUIET_SEARCH = timedelta(hours=6)
_SEARCHED_AT_ONCE = 600
"""Seconds whose times are looked at together: nearly always one of the first is quiet."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TimeIndex:
    """Times of all stored tasks that a count may include.

    Attributes:
        by_column: For each candidate column, its values.
        firsts: The first of each task's times.
        lasts: The last of each task's times; open tasks have none.
        quarantined: Number of quarantined records whose task is not stored, by UTC day of created_at.
        refused: Their created_at; noon where only the day is known.
    """

    by_column: Mapping[str, SortedTimes]
    firsts: SortedTimes
    lasts: SortedTimes
    quarantined: Mapping[date, int]
    refused: SortedTimes = field(default_factory=SortedTimes)

    def between(self, column: str, start: datetime, end: datetime | None) -> int:
        """Number of stored tasks whose value of the column is at least ``start`` and before ``end``."""
        return _count(self.by_column[column], start, end)

    def refused_in(self, start: datetime, end: datetime | None) -> int:
        """Number of quarantined records, of tasks that are not stored, created in a span of time."""
        return _count(self.refused, start, end)

    def across(self, instant: datetime) -> int:
        """Number of stored tasks that began before an instant and did not end or last change before it.

        That the source still returns such a task does not show that it returns those that ended before.
        """
        micros = _micro(instant)
        return self.firsts.count_before(micros) - self.lasts.count_before(micros)

    def first_in(self, column: str, start: datetime, end: datetime) -> datetime | None:
        """The first value of a column at or after ``start`` and before ``end``; None if no task has one."""
        found = self.by_column[column].first_from(_micro(start))
        return None if found is None or found >= _micro(end) else _EPOCH + timedelta(microseconds=found)

    def quiet_from(self, instant: datetime) -> datetime:
        """The first whole second from an instant on without a time of a stored task next to it.

        A count from there is the same whether the filter is inclusive, exclusive or rounds to
        seconds.

        Args:
            instant: Start of the search, UTC.

        Returns:
            A quiet second within six hours, or else the instant itself.
        """
        begin = -(-_micro(instant) // _SECOND)
        end = begin + int(_QUIET_SEARCH.total_seconds())
        for first in range(begin, end, _SEARCHED_AT_ONCE):
            last = min(first + _SEARCHED_AT_ONCE, end)
            taken = self._taken(first, last)
            quiet = next((second for second in range(first, last) if second not in taken), None)
            if quiet is not None:
                return datetime.fromtimestamp(quiet, UTC)
        return instant

    def quiet_before(self, instant: datetime, most: timedelta) -> datetime | None:
        """The last whole second until an instant without a time of a stored task next to it.

        Args:
            instant: Start of the search, UTC, a whole second.
            most: Maximum span to search backwards.

        Returns:
            A quiet second, or None if every second is taken.
        """
        last = _micro(instant) // _SECOND
        first = last - _micros(most) // _SECOND
        taken = self._taken(first + 1, last + 1)
        found = next((second for second in range(last, first, -1) if second not in taken), None)
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def _taken(self, first: int, end: int) -> set[int]:
        """Of some seconds those in which something happened, or in the second before."""
        kinds = (*self.by_column.values(), self.refused)
        times = np.concatenate([own.within((first - 1) * _SECOND, end * _SECOND) for own in kinds])
        busy = np.unique(times // _SECOND)
        return set(np.concatenate([busy, busy + 1]).tolist())


def _count(times: SortedTimes, start: datetime, end: datetime | None) -> int:
    last = len(times) if end is None else times.count_before(_micro(end))
    return max(0, last - times.count_before(_micro(start)))


def _micro(instant: datetime) -> int:
    return _micros(instant - _EPOCH)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
