"""The backup days that a report covers: the newest ones that are over at the watermark."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.options import Length
from cbr_warehouse.report.queries import read_question


@dataclass(frozen=True)
class Period:
    """The backup days of a report, and those they are compared with.

    Attributes:
        length: Length of the period.
        as_of: The watermark.
        before_day: First day of the previous period.
        from_day: First day of the period, where the previous one ends.
        to_day: The day after its last.
        before_at: Begin of ``before_day``, UTC.
        from_at: Begin of ``from_day``, UTC.
        to_at: Begin of ``to_day``, UTC.
        log_from_at: The time from which on tasks of every source are stored; None without a task.
    """

    length: Length
    as_of: datetime
    before_day: date
    from_day: date
    to_day: date
    before_at: datetime
    from_at: datetime
    to_at: datetime
    log_from_at: datetime | None

    @property
    def has_before(self) -> bool:
        """Whether the data covers the whole previous period, so that this one can be compared with it."""
        return self.log_from_at is not None and self.log_from_at <= self.before_at

    @property
    def begins_late(self) -> bool:
        """Whether the data begins a backup day or more after the period does."""
        return self.log_from_at is not None and self.log_from_at >= self.from_at + timedelta(days=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """Query parameters for the period."""
        names = ("before_day", "from_day", "to_day", "before_at", "from_at", "to_at")
        return {name: getattr(self, name) for name in names}

    @property
    def parameters_before(self) -> dict[str, Any]:
        """Query parameters for the previous period."""
        span = self.from_day - self.before_day
        return {
            "before_day": self.before_day - span,
            "from_day": self.before_day,
            "to_day": self.from_day,
            "before_at": self.before_at - (self.from_at - self.before_at),
            "from_at": self.before_at,
            "to_at": self.from_at,
        }


def newest_period(warehouse: Warehouse, length: Length) -> Period | None:
    """The newest period that is over; None before the first finished load."""
    rows = warehouse.sql(read_question("period").sql, {"days": length.days}, as_="arrow").to_pylist()
    return Period(length=length, **rows[0]) if rows else None
