"""Finds which column the source's time filter applies to, by counts over short windows.

No document says whether ``start_time`` filters by created_at, started_at or updated_at. A window in
which these columns have different numbers of stored tasks shows which one it is.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.tables.task_times import COLUMNS, TimeIndex

PROBES = 6
"""Maximum number of distinguishing windows counted, at two requests each."""

PROBED_DAYS = 7
"""Newest closed days, which are searched for such a window first: the source still has all of them."""

PROBED_PARTS = 12
"""Number of parts of a day, each of which may be such a window."""

CountFrom = Callable[[datetime], int | None]
"""The source's count of tasks from an instant on; None where it gives none."""


def find_filter_columns(
    count_from: CountFrom, stored: TimeIndex, days: Sequence[date], today: date, everything: int | None
) -> tuple[str, ...]:
    """The columns that the filter may apply to.

    Args:
        count_from: Asks the source.
        stored: Times of the stored tasks.
        days: Days that will be counted, ascending.
        today: The UTC day that is not over.
        everything: The source's count of all tasks; None where it gives none.

    Returns:
        One column if a window distinguished them, several if none did, empty if the source gives no count.
    """
    columns: tuple[str, ...] = COLUMNS
    probed = 0
    for start, end in _probe_windows(stored, days, today):
        if len(columns) == 1 or probed == PROBES:
            break
        expected = {column: stored.between(column, start, end) for column in columns}
        if len(set(expected.values())) == 1:
            continue
        probed += 1
        after, since = count_from(end), count_from(start)
        if since is None or after is None or everything is None:
            return ()
        if everything <= since:
            continue  # nothing older is served: what is stored here may have expired at the source
        fitting = tuple(column for column in columns if expected[column] == since - after)
        # A window in which no column fits has a task that is not stored: it proves nothing.
        columns = fitting or columns
    return columns


def _probe_windows(
    stored: TimeIndex, days: Sequence[date], today: date
) -> Iterator[tuple[datetime, datetime]]:
    """Short windows around single stored tasks of closed days, quiet at both ends, newest days first."""
    newest = [today - n * DAY for n in range(1, PROBED_DAYS + 1)]
    for day in [*newest, *(day for day in reversed(days) if day < newest[-1])]:
        for part in range(PROBED_PARTS):
            begin = start_of(day) + part * DAY / PROBED_PARTS
            created = stored.first_in("created_at", begin, begin + DAY / PROBED_PARTS)
            if created is None:
                continue
            start = stored.quiet_from(created - timedelta(minutes=1))
            end = stored.quiet_from(created + timedelta(seconds=1))
            if start < created < end:
                yield start, end
