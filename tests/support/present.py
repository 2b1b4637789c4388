"""The present of a test whose programs read the real clock, and its UTC day, which does not end within it.

Dagster's partitions end today, and tables are counted once a day: a test that begins on one day and ends on
the next sees another thing than either. Tests with a clock of their own need none of this.
"""

import time as clock
from datetime import UTC, datetime, time, timedelta

LAST = timedelta(seconds=90)
"""Of a day: what begins in it may end on the next one."""

MARGIN = timedelta(minutes=10)
"""Between the present and both ends of its day: something ran earlier today, and something will later."""

_began: list[datetime] = []


def begin() -> None:
    """Begins a test: it waits for the next UTC day if this one is all but over."""
    began_at = datetime.now(UTC)
    if (left := _midnight_of(began_at + LAST) - began_at) > timedelta():
        clock.sleep(left.total_seconds())
    _began[:] = [datetime.now(UTC)]


def now() -> datetime:
    """When this test began, in whole seconds of UTC; ``MARGIN`` away from both ends of its day."""
    earliest, latest = midnight() + MARGIN, midnight() + timedelta(days=1) - MARGIN
    return min(max(_began[0].replace(microsecond=0), earliest), latest)


def midnight() -> datetime:
    """The beginning of the UTC day of this test."""
    return _midnight_of(_began[0])


def _midnight_of(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)
