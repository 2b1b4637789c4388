"""UTC days, the unit of coverage: arithmetic without I/O."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)


def start_of(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime.combine(day, time(), UTC)


def day_of(instant: datetime) -> date:
    """The UTC day of an instant."""
    return instant.astimezone(UTC).date()


def days_between(first: date, last: date) -> Iterator[date]:
    """All days from the first to the last, both included; none where the last is earlier."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def consecutive_runs(days: Iterable[date]) -> list[list[date]]:
    """Days grouped into runs without a gap.

    >>> [len(run) for run in consecutive_runs([date(2026, 1, 9), date(2026, 1, 2), date(2026, 1, 1)])]
    [2, 1]

    Args:
        days: The days, in any order, each once.

    Returns:
        The runs, ascending, each with its days ascending.
    """
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == DAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
