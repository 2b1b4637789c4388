"""Counts tasks per day at the source and compares them with what is stored. Judging is in ``judge``.

A day agrees only when every interval that touches it agrees, under each column that the filter may
apply to. The intervals and their counts are in ``interval_counts``.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.utc_days import DAY, days_between, start_of
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.tables.task_times import COLUMNS, TimeIndex
from cbr_warehouse.verify.filter_column import find_filter_columns
from cbr_warehouse.verify.interval_counts import Count, IntervalCounts

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a day that does not agree is counted: a live source changes between two requests."""


@dataclass(frozen=True)
class DayCount:
    """The source's count of one day beside the stored one.

    Attributes:
        counted: Tasks of the day by the source's count; None where it gives no usable one.
        total: Tasks stored of the day, and quarantined records of tasks that are not stored.
        older: Whether the source still serves tasks that had ended before the day began. If not, the
            first tasks of the day may have left its retention already.
        agrees: Whether every interval that touches the day has as many tasks as are stored.
        is_usable: Whether the source's counts can be those of all matching tasks. They are not where it
            counts one task in all, though more are stored: that is the number of rows of the page.
    """

    counted: int | None
    total: int
    older: bool
    agrees: bool
    is_usable: bool = True


class DayCounter:
    """Counts days of one source. Each count is asked for once and reused.

    Args:
        count: Asks the source for the count of a query.
        stored: Times of the stored tasks.
        today: The UTC day that is not over.
        source: Name of the source, for the log.
    """

    def __init__(self, count: Count, stored: TimeIndex, today: date, source: str = "") -> None:
        self._counts = IntervalCounts(count, stored, today)
        self._stored = stored
        self._today = today
        self._source = source
        self._newest = date.min
        self._is_usable = True
        self._columns: tuple[str, ...] = COLUMNS

    def count_days(
        self, days: Sequence[date], known: Mapping[date, tuple[int | None, int | None]] | None = None
    ) -> dict[date, DayCount]:
        """Counts days; a day that does not agree is counted again while its count changes.

        Args:
            days: UTC days, ascending.
            known: Of days that an earlier load did not prove, what it counted and had in total. With
                the same numbers again they are not counted a second time.

        Returns:
            The last count of each.
        """
        if not days:
            return {}
        # Not without a time: tasks that lack the filtered time would make every day look served whole.
        everything = self._counts.from_instant(EARLIEST)
        self._newest = max(self._newest, min(max(days), self._today - DAY))
        stored = self._stored.between("created_at", start_of(min(days)), None)
        self._is_usable = everything is not None and (everything > 1 or stored <= everything)
        if everything is None or (everything == 1 and not self._is_usable):
            return {day: self._uncounted(day) for day in days}
        columns = find_filter_columns(self._counts.from_instant, self._stored, days, self._today, everything)
        self._columns = columns
        found: dict[date, DayCount] = {}
        again = list(days)
        for attempt in range(ATTEMPTS):
            if attempt:
                self._counts.forget_days(again)
            self._count_boundaries(again)
            counted = {day: self._count_day(day, columns) for day in again}
            again = [
                day
                for day, count in counted.items()
                if self._may_change(day, count)
                and count != found.get(day)
                and (known or {}).get(day) != (count.counted, count.total)
            ]
            found |= counted
        return found

    def total(self, day: date) -> int:
        """Tasks stored of a day, and quarantined records of tasks that are not stored."""
        stored = self._stored.between("created_at", start_of(day), start_of(day + DAY))
        return stored + self._stored.quarantined.get(day, 0)

    def is_served_whole(self, day: date) -> bool:
        """Whether the source still serves tasks that had ended before the day began."""
        return self._counts.serves_before(self._counts.boundary(day))

    def span_agrees(self, first: date, last: date, surplus: int = 0) -> bool:
        """Whether one count over consecutive days exceeds what is stored of all of them by ``surplus``.

        Confirms many days with two requests. The first day must be served whole: a task that expired
        there would cancel out one that appeared late on another day.
        """
        start, end = self._counts.boundary(first), self._counts.boundary(last + DAY)
        counted: int | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                self._counts.forget_days([first, last])
            after, since = self._counts.from_instant(end), self._counts.from_instant(start)
            if since is None or after is None:
                return False
            if since - after == self._counts.stored_between("created_at", start, end) + surplus:
                return True
            if since - after == counted:
                return False
            counted = since - after
        return False

    def late_before(self, day: date, until: datetime) -> datetime | None:
        """Whether tasks of a day that is not over appeared since they were read, though created before.

        To be asked after days were counted, which shows the column that the filter applies to.

        Args:
            day: The UTC day.
            until: Everything created later was just read, UTC.

        Returns:
            The end of the span that has such tasks; None if the counts show that there are none.
        """
        start, end = self._counts.boundary(day), self._stored.quiet_before(until.replace(microsecond=0), PAD)
        if until <= start_of(day) or (end is not None and end <= start):
            return None
        if end is None:
            return until
        for _ in range(ATTEMPTS - 1):
            after, since = self._counts.from_instant(end), self._counts.from_instant(start)
            if since is None or after is None:
                return until
            if all(
                since - after == self._counts.stored_between(column, start, end) for column in self._columns
            ):
                return None
            self._counts.forget_instants(start, end)
        return end

    def _uncounted(self, day: date) -> DayCount:
        return DayCount(None, self.total(day), older=False, agrees=False, is_usable=False)

    def _count_boundaries(self, days: Iterable[date]) -> None:
        """Asks for the counts at the edges of days, the newest first.

        A task created between two counts then makes a day's number larger than it is, never smaller:
        it cannot cancel out one that is missing.
        """
        edges = {
            self._counts.boundary(edge) for day in days for edge in (day, day + DAY) if edge <= self._today
        }
        for edge in sorted(edges, reverse=True):
            self._counts.from_instant(edge)

    def _may_change(self, day: date, found: DayCount) -> bool:
        return day < self._today and not found.agrees and found.counted is not None

    def _count_day(self, day: date, columns: tuple[str, ...]) -> DayCount:
        total = self.total(day)
        counted = self._counts.of_day(day)
        older = self.is_served_whole(day)
        if counted is None:
            logger.debug("%s: %s: the source gives no count", self._source, day)
            return DayCount(None, total, older, agrees=False)
        agrees = bool(columns) and all(self._agrees(day, column) for column in columns)
        # While the filtered column is unknown, each column gives another surplus. Only the smallest of
        # them is certainly missing; a larger one may be tasks that started or changed on another day.
        surplus = min((counted - self._counts.stored_of_day(day, column) for column in columns), default=0)
        self._log_interval(day, counted, columns, agrees=agrees, older=older)
        estimate = total if agrees else max(0, total + surplus)
        return DayCount(estimate, total, older, agrees, self._is_usable and bool(columns))

    def _log_interval(
        self, day: date, counted: int, columns: tuple[str, ...], *, agrees: bool, older: bool
    ) -> None:
        end = self._counts.boundary(day + DAY).isoformat() if day < self._today else "now"
        stored = ", ".join(f"{self._counts.stored_of_day(day, column)} by {column}" for column in columns)
        logger.debug(
            "%s: %s to %s: the source counts %d, stored are %s; %s, %s",
            self._source,
            self._counts.boundary(day).isoformat(),
            end,
            counted,
            stored or "unknown",
            "agrees" if agrees else "does not agree",
            "older tasks are served" if older else "nothing older is served",
        )

    def _agrees(self, day: date, column: str) -> bool:
        """Whether all intervals that touch a day agree, if the filter applies to a column.

        The intervals run from quiet second to quiet second, so the one that begins on the day may
        start a little after midnight: then the day's first minutes lie in the interval before.
        Under created_at no other interval can have tasks of the day. A task may start or change on any
        later day, so under the other columns all intervals up to the newest closed day must agree.
        """
        first = day if self._counts.boundary(day) == start_of(day) else day - DAY
        last = day if column == "created_at" else max(day, self._newest)
        touching = days_between(first, last)
        if all(self._counts.of_day(one) == self._counts.stored_of_day(one, column) for one in touching):
            return True
        return column == "created_at" and self._agrees_alone(day)

    def _agrees_alone(self, day: date) -> bool:
        """Whether a closed day agrees together with the last minutes of the day before.

        For the first day that the source has whole: the day before it cannot agree, because its tasks
        expire while they are counted, or were never asked for. So the interval begins at the last quiet
        second before midnight, within the padding that every window is asked with.
        """
        start = self._stored.quiet_before(start_of(day), PAD)
        if start is None or day >= self._today:
            return False
        end = self._counts.boundary(day + DAY)
        after, since = self._counts.from_instant(end), self._counts.from_instant(start)
        if since is None or after is None or not self._counts.serves_before(start):
            return False  # nothing older is served: some of those minutes may have expired
        return since - after == self._counts.stored_between("created_at", start, end)
