"""The times of stored tasks, to compare with the source's counts whichever column its filters apply to.

Which column ``start_time`` applies to is undocumented, so the audit keeps the times of each
candidate. ``stored_tasks`` reads them from the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("created_at", "started_at", "updated_at")
"""Columns that the time filters of the API may apply to."""

_SECOND = 1_000_000
_QUIET_SEARCH = timedelta(hours=6)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TimeIndex:
    """Sorted times of all stored tasks that a count may include.

    Attributes:
        by_column: For each candidate column, its values in microseconds since 1970, sorted.
        firsts: The first of each task's times, sorted.
        lasts: The last of each task's times, sorted; open tasks have none.
        quarantined: Number of quarantined records whose task is not stored, by UTC day of created_at.
        refused: Their created_at in microseconds since 1970, sorted; noon where only the day is known.
    """

    by_column: Mapping[str, NDArray[np.int64]]
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    quarantined: Mapping[date, int]
    refused: NDArray[np.int64] = field(default_factory=lambda: np.array([], np.int64))

    def between(self, column: str, start: datetime, end: datetime | None) -> int:
        """Number of stored tasks whose value of the column is at least ``start`` and before ``end``."""
        times = self.by_column[column]
        last = len(times) if end is None else int(np.searchsorted(times, _micro(end)))
        return max(0, last - int(np.searchsorted(times, _micro(start))))

    def refused_in(self, start: datetime, end: datetime | None) -> int:
        """Number of quarantined records, of tasks that are not stored, created in a span of time."""
        last = len(self.refused) if end is None else int(np.searchsorted(self.refused, _micro(end)))
        return max(0, last - int(np.searchsorted(self.refused, _micro(start))))

    def across(self, instant: datetime) -> int:
        """Number of stored tasks that began before an instant and did not end or last change before it.

        That the source still returns such a task does not show that it returns those that ended before.
        """
        began, over = (int(np.searchsorted(times, _micro(instant))) for times in (self.firsts, self.lasts))
        return began - over

    def first_in(self, column: str, start: datetime, end: datetime) -> datetime | None:
        """The first value of a column at or after ``start`` and before ``end``; None if no task has one."""
        times = self.by_column[column]
        place = int(np.searchsorted(times, _micro(start)))
        if place == len(times) or times[place] >= _micro(end):
            return None
        return _EPOCH + timedelta(microseconds=int(times[place]))

    def quiet_from(self, instant: datetime) -> datetime:
        """The first whole second from an instant on without a time of a stored task next to it.

        A count from there is the same whether the filter is inclusive, exclusive or rounds to
        seconds.

        Args:
            instant: Start of the search, UTC.

        Returns:
            A quiet second within six hours, or else the instant itself.
        """
        first = _micro(instant)
        busy = np.unique(
            np.concatenate(
                [
                    self._seconds(times, first, first + _micros(_QUIET_SEARCH))
                    for times in (*self.by_column.values(), self.refused)
                ]
            )
        )
        near = np.unique(np.concatenate([busy, busy + 1]))
        begin = -(-first // _SECOND)
        taken = set(near[(near >= begin)].tolist())
        for second in range(begin, begin + int(_QUIET_SEARCH.total_seconds())):
            if second not in taken:
                return datetime.fromtimestamp(second, UTC)
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
        near = [
            self._seconds(times, first * _SECOND, (last + 1) * _SECOND)
            for times in (*self.by_column.values(), self.refused)
        ]
        taken = {second + after for second in np.concatenate(near).tolist() for after in (0, 1)}
        found = next((second for second in range(last, first, -1) if second not in taken), None)
        return None if found is None else datetime.fromtimestamp(found, UTC)

    @staticmethod
    def _seconds(times: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
        """The whole seconds in which something happened, from one second before ``first``."""
        part = times[np.searchsorted(times, first - _SECOND) : np.searchsorted(times, last)]
        return part // _SECOND


def _micro(instant: datetime) -> int:
    return _micros(instant - _EPOCH)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
