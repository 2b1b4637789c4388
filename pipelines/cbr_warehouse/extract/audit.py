"""The audit: compares the source's own counts with what is held and says of each day what is proved.

The number of tasks between two instants is count(start_time = a) - count(start_time = b), two
requests of one row, under any reading of end_time. The instants are quiet seconds near midnight,
so that the filter's bounds do not matter; a day is proved only when every interval that touches it
agrees under each column that the filter may apply to. What counts cannot prove is never complete.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.extract.plan import PAD
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.time_index import COLUMNS, TimeIndex

ATTEMPTS = 3
"""How often a day that does not add up is counted: a living source changes between two requests."""

PROBES = 6
"""Windows counted at the most to find out which column the filter applies to."""

PROBED_DAYS = 7
"""Newest closed days that are looked through for a telling window first: the source still has all of them."""

PROBED_PARTS = 12
"""Parts of a day that are looked through for a telling window."""

Count = Callable[[TaskQuery], int | None]


@dataclass(frozen=True)
class DayCount:
    """What the source counted of a day.

    Attributes:
        counted: Tasks of the day by the source's count; None where it gives no usable one.
        total: Tasks held of the day, and quarantined records of tasks not held.
        older: Whether the source still serves tasks that were over before the day began.
        agrees: Whether every interval that touches the day adds up.
    """

    counted: int | None
    total: int
    older: bool
    agrees: bool


class Audit:
    """Counts days of one source.

    Args:
        count: Asks the source for the count of a query.
        held: Times of what is held.
        today: The UTC day that is not over.
    """

    def __init__(self, count: Count, held: TimeIndex, today: date) -> None:
        self._count = count
        self._held = held
        self._today = today
        self._counts: dict[datetime, int | None] = {}
        self._boundaries: dict[date, datetime] = {}
        self._newest = date.min

    def count_days(self, days: Sequence[date]) -> dict[date, DayCount]:
        """Counts days; those that do not add up are counted again, in case the source moved meanwhile.

        Args:
            days: The days.

        Returns:
            What was found of each.
        """
        if not days:
            return {}
        # From before all, not without a time: tasks that lack the filtered time are older than nothing.
        everything = self._count_from(EARLIEST)
        self._newest = max(self._newest, min(max(days), self._today - DAY))
        columns = self._fitting_columns(days, everything)
        found: dict[date, DayCount] = {}
        for attempt in range(ATTEMPTS):
            again = [day for day in days if day not in found or self._may_change(day, found[day])]
            if attempt:
                self._forget(again)
            found |= {day: self._count_day(day, columns) for day in again}
        return found

    def is_served_whole(self, day: date) -> bool:
        """Whether the source still serves tasks that were over before the day began."""
        return self._serves_before(self._boundary(day))

    def span_agrees(self, first: date, last: date) -> bool:
        """Whether one count over consecutive days equals what is held of all of them.

        Renews the proof of many days with two requests. The first must be served whole: what has left it
        would make up for what came late on another.
        """
        start, end = self._boundary(first), self._boundary(last + DAY)
        for attempt in range(ATTEMPTS):
            if attempt:
                self._forget([first, last])
            since, after = self._count_from(start), self._count_from(end)
            if since is None or after is None:
                return False
            days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
            quarantined = sum(self._held.quarantined.get(day, 0) for day in days)
            if since - after == self._held.between("created_at", start, end) + quarantined:
                return True
        return False

    def _may_change(self, day: date, found: DayCount) -> bool:
        return day < self._today and not found.agrees and found.counted is not None

    def _count_day(self, day: date, columns: tuple[str, ...]) -> DayCount:
        total = self._held.between("created_at", start_of(day), start_of(day + DAY))
        total += self._held.quarantined.get(day, 0)
        counted = self._interval(day)
        older = self.is_served_whole(day)
        if counted is None:
            return DayCount(None, total, older, agrees=False)
        agrees = bool(columns) and all(self._agrees(day, column) for column in columns)
        # Only what is too much under every reading is missing for sure.
        surplus = min((counted - self._held_in_interval(day, column) for column in columns), default=0)
        return DayCount(total if agrees else max(0, total + surplus), total, older, agrees)

    def _agrees(self, day: date, column: str) -> bool:
        """Whether all intervals that touch a day add up under a column.

        Under created_at these are the one that begins at its quiet second and, where that is not
        midnight, the one before or its end. A task may start or change on any later day, so under the other
        columns they are all until the newest closed day that is counted.
        """
        first = day if self._boundary(day) == start_of(day) else day - DAY
        last = day if column == "created_at" else max(day, self._newest)
        touching = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        if all(self._interval(one) == self._held_in_interval(one, column) for one in touching):
            return True
        return column == "created_at" and self._agrees_alone(day)

    def _agrees_alone(self, day: date) -> bool:
        """Whether a closed day adds up together with the last minutes of the day before.

        The day before the first one that the source has whole cannot add up itself: it expires while
        it is counted, or was never asked for.
        """
        start = self._held.quiet_before(start_of(day), PAD)
        if start is None or day >= self._today:
            return False
        end = self._boundary(day + DAY)
        since, after = self._count_from(start), self._count_from(end)
        if since is None or after is None or not self._serves_before(start):
            return False  # nothing older is served: some of those minutes may have left the source
        held = self._held.between("created_at", start, end) + self._held.quarantined.get(day, 0)
        return since - after == held

    def _serves_before(self, instant: datetime) -> bool:
        everything, since = self._count_from(EARLIEST), self._count_from(instant)
        return (
            everything is not None and since is not None and everything - since > self._held.across(instant)
        )

    def _interval(self, day: date) -> int | None:
        since = self._count_from(self._boundary(day))
        after = self._count_from(self._boundary(day + DAY)) if day < self._today else 0
        return None if since is None or after is None else since - after

    def _held_in_interval(self, day: date, column: str) -> int:
        end = self._boundary(day + DAY) if day < self._today else None
        held = self._held.between(column, self._boundary(day), end)
        return held + self._held.quarantined.get(day, 0)

    def _fitting_columns(self, days: Sequence[date], everything: int | None) -> tuple[str, ...]:
        """The columns that the filter may apply to, by windows in which their held counts differ."""
        columns: tuple[str, ...] = COLUMNS
        probed = 0
        for start, end in self._probe_windows(days):
            if len(columns) == 1 or probed == PROBES:
                break
            expected = {column: self._held.between(column, start, end) for column in columns}
            if len(set(expected.values())) == 1:
                continue
            probed += 1
            since, after = self._count_from(start), self._count_from(end)
            if since is None or after is None or everything is None:
                return ()
            if everything <= since:
                continue  # nothing older is served: what was held here may have left the source
            fitting = tuple(column for column in columns if expected[column] == since - after)
            # A window in which no column fits lacks a task that the source has: it tells nothing.
            columns = fitting or columns
        return columns

    def _probe_windows(self, days: Sequence[date]) -> Iterator[tuple[datetime, datetime]]:
        """Short windows around single held tasks of closed days, quiet at both ends, newest days first."""
        newest = [self._today - n * DAY for n in range(1, PROBED_DAYS + 1)]
        for day in [*newest, *(day for day in reversed(days) if day < newest[-1])]:
            for part in range(PROBED_PARTS):
                begin = start_of(day) + part * DAY / PROBED_PARTS
                created = self._held.first_in("created_at", begin, begin + DAY / PROBED_PARTS)
                if created is None:
                    continue
                start = self._held.quiet_from(created - timedelta(minutes=1))
                end = self._held.quiet_from(created + timedelta(seconds=1))
                if start < created < end:
                    yield start, end

    def _boundary(self, day: date) -> datetime:
        if day not in self._boundaries:
            self._boundaries[day] = self._held.quiet_from(start_of(day))
        return self._boundaries[day]

    def _count_from(self, instant: datetime) -> int | None:
        if instant not in self._counts:
            self._counts[instant] = self._count(TaskQuery(start_time=instant))
        return self._counts[instant]

    def _forget(self, days: Sequence[date]) -> None:
        for day in days:
            for edge in (day - DAY, day, day + DAY):
                self._counts.pop(self._boundary(edge), None)
            if (start := self._held.quiet_before(start_of(day), PAD)) is not None:
                self._counts.pop(start, None)


def judge(found: DayCount, *, is_today: bool, uncertain: int = 0) -> DayState:
    """Says what a count proves of a day.

    Args:
        found: The count.
        is_today: Whether the day is not over.
        uncertain: Records in quarantine without a usable created_at, and rows that repeat a task: the
            source may count any of them on this day, so that they may be all that it has more.

    Returns:
        Complete only where the counts agree and the source still serves older tasks; incomplete
        where the source has more; else unverified.
    """
    if is_today:
        return DayState.OPEN
    if found.counted is None:
        return DayState.UNVERIFIED
    if found.counted > found.total:
        is_explained = found.counted - found.total <= uncertain
        return DayState.UNVERIFIED if is_explained else DayState.INCOMPLETE
    return DayState.COMPLETE if found.agrees and found.older else DayState.UNVERIFIED
