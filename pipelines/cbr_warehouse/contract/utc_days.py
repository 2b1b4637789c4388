"""UTC days, the unit of coverage: arithmetic without I/O."""

from collections.abc import Iterator
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
