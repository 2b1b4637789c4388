"""Numbers of tasks between two instants: what the source counts, and what is stored.

The number of tasks between two instants is count(start_time = a) - count(start_time = b): two requests
of one row each, valid under any meaning of ``end_time``. The instants are quiet seconds near midnight
(no stored task has a time there), so it does not matter whether the filter's bounds are inclusive or
rounded. What the numbers say of a day is in ``count_days``.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.task_times import TimeIndex

Count = Callable[[TaskQuery], int | None]
"""Asks the source how many tasks match a query; None where it gives no count."""


class IntervalCounts:
    """The counts of one source, each asked for once and kept.

    Args:
        count: Asks the source for the count of a query.
        stored: Times of the stored tasks.
        today: The UTC day that is not over.
    """

    def __init__(self, count: Count, stored: TimeIndex, today: date) -> None:
        self._count = count
        self._stored = stored
        self._today = today
        self._counts: dict[datetime, int | None] = {}
        self._boundaries: dict[date, datetime] = {}

    def boundary(self, day: date) -> datetime:
        """The quiet second at or after a day's midnight; kept, so that neighbours share it exactly."""
        if day not in self._boundaries:
            self._boundaries[day] = self._stored.quiet_from(start_of(day))
        return self._boundaries[day]

    def of_day(self, day: date) -> int | None:
        """Tasks of the interval of a day by the source's count; None where it gives no count."""
        # Today has no end yet: everything from its beginning on counts as today.
        after = self.from_instant(self.boundary(day + DAY)) if day < self._today else 0
        since = self.from_instant(self.boundary(day))
        return None if since is None or after is None else since - after

    def from_instant(self, instant: datetime) -> int | None:
        """Tasks from an instant on by the source's count, asked for once; None where it gives no count."""
        if instant not in self._counts:
            self._counts[instant] = self._count(TaskQuery(start_time=instant))
        return self._counts[instant]

    def forget_days(self, days: Iterable[date]) -> None:
        """Drops the counts at the edges of days, so that they are asked for again."""
        for day in days:
            for edge in (day - DAY, day, day + DAY):
                self._counts.pop(self.boundary(edge), None)
            if (start := self._stored.quiet_before(start_of(day), PAD)) is not None:
                self._counts.pop(start, None)

    def forget_instants(self, *instants: datetime) -> None:
        """Drops the counts from some instants on, so that they are asked for again."""
        for instant in instants:
            self._counts.pop(instant, None)

    def stored_of_day(self, day: date, column: str) -> int:
        """Tasks stored of the interval of a day by a column."""
        end = self.boundary(day + DAY) if day < self._today else None
        return self.stored_between(column, self.boundary(day), end)

    def stored_between(self, column: str, start: datetime, end: datetime | None) -> int:
        """Tasks stored of a span by a column, and quarantined records of it, which the source counts too."""
        return self._stored.between(column, start, end) + self._stored.refused_in(start, end)

    def serves_before(self, instant: datetime) -> bool:
        """Whether the source still serves tasks that had ended before an instant."""
        # A task that began before the instant and was still running then may be kept for its end, not
        # for its beginning; it does not show that older tasks are served, so such tasks are deducted.
        everything, since = self.from_instant(EARLIEST), self.from_instant(instant)
        return (
            everything is not None and since is not None and everything - since > self._stored.across(instant)
        )
