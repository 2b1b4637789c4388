"""The state of a day: what the source's counts prove about it. ``schemas/coverage.yaml`` has the meanings."""

from enum import StrEnum


class DayState(StrEnum):
    """What is proved of a UTC day of one source."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    UNVERIFIED = "unverified"
    LOST = "lost"
    OPEN = "open"
