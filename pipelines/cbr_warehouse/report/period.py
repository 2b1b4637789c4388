"""The backup days that a report covers, and those it is compared with, as the warehouse knows them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cbr_warehouse.errors import UsageError
from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.formatting import moment
from cbr_warehouse.report.options import Scope
from cbr_warehouse.report.period_name import PeriodName, earlier_starts
from cbr_warehouse.report.queries import read_question

COMPARED = 12
"""With how many earlier periods a report is compared."""


@dataclass(frozen=True)
class Period:
    """The backup days of a report, and those they are compared with.

    Attributes:
        name: The period as it was asked for.
        as_of: The watermark of its sources.
        timezone: The time zone of its backup days, an IANA name.
        day_anchor: When its backup days begin, from midnight.
        before_day: First day of the previous period.
        from_day: First day of the period, where the previous one ends.
        to_day: The day after its last.
        before_at: Begin of ``before_day``, UTC.
        from_at: Begin of ``from_day``, UTC.
        to_at: Begin of ``to_day``, UTC.
        plot_from_day: First day of the plots.
        plot_from_at: Begin of ``plot_from_day``, UTC.
        log_from_at: The time from which on tasks of every source are stored; None without a task.
        log_begins_at: The time from which on tasks of any source are stored; None without a task.
    """

    name: PeriodName
    as_of: datetime
    timezone: str
    day_anchor: timedelta
    before_day: date
    from_day: date
    to_day: date
    before_at: datetime
    from_at: datetime
    to_at: datetime
    plot_from_day: date
    plot_from_at: datetime
    log_from_at: datetime | None
    log_begins_at: datetime | None

    @property
    def begins_late(self) -> bool:
        """Whether the data begins a backup day or more after the period does."""
        return self.log_from_at is not None and self.log_from_at >= self.from_at + timedelta(days=1)

    @property
    def is_cut(self) -> bool:
        """Whether days of a calendar period are left out, since they are not over."""
        return self.name.after is not None and self.to_day < self.name.after

    @property
    def days(self) -> int:
        """Its length in backup days."""
        return (self.to_day - self.from_day).days

    @property
    def starts(self) -> list[date]:
        """First days of the earlier periods that it is compared with, then its own and the day after it."""
        unit = "range" if self.is_cut else self.name.unit
        unit = "range" if self.name.is_newest else unit
        return [*earlier_starts(unit, self.from_day, self.days, COMPARED), self.from_day, self.to_day]

    @property
    def parameters(self) -> dict[str, Any]:
        """Query parameters for the period."""
        names = "before_day from_day to_day before_at from_at to_at log_from_at starts timezone day_anchor"
        plots = "plot_from_day plot_from_at"
        return {name: getattr(self, name) for name in f"{names} {plots}".split()}


def find_period(warehouse: Warehouse, name: PeriodName, scope: Scope) -> Period | None:
    """Finds the days of a period in a warehouse.

    Args:
        warehouse: The warehouse.
        name: The period as it was asked for.
        scope: What the report is limited to.

    Returns:
        The period; None before the first finished load of its sources.

    Raises:
        UsageError: None of its days is over, or all of them were before the log begins.
    """
    before = None
    if name.first and name.after:
        (before,) = earlier_starts(name.unit, name.first, (name.after - name.first).days, 1)
    asked = {"first": name.first, "after": name.after, "before": before, "days": name.days or 0}
    question = read_question("period", scope)
    rows = warehouse.sql(question.sql, asked, as_="arrow").to_pylist()
    if not rows:
        return None
    newest_day, anchor = rows[0].pop("newest_day"), timedelta(seconds=rows[0].pop("anchor_seconds"))
    period = Period(name=name, day_anchor=anchor, **rows[0])
    if period.from_day >= period.to_day:
        raise UsageError(
            f"--period {name.text}: none of its backup days is over. The data is as of "
            f"{moment(period.as_of)}, so the newest backup day that is over is "
            f"{newest_day - timedelta(days=1)}."
        )
    if not name.is_newest and period.log_begins_at is not None and period.to_at <= period.log_begins_at:
        raise UsageError(
            f"--period {name.text}: the stored tasks begin later, at {moment(period.log_begins_at)}. "
            "Choose a period from then on."
        )
    return period
