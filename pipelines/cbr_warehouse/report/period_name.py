"""Names of a report's period: ``week``, ``2026-11-27``, ``2026-W47``, ``2026-10``, ``2026-Q3``, ``FROM..TO``.

Days are backup days. Which of them are over, and when they begin, is known to the warehouse: see ``period``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

NEWEST = {"day": 1, "week": 7, "month": 30, "quarter": 90}
"""The newest backup days that are over, by name, and how many they are."""

ALLOWED = (
    "day, week, month or quarter (the newest), a day 2026-11-27, a week 2026-W47, a month 2026-10, "
    "a quarter 2026-Q3, or FROM..TO such as 2026-11-01..2026-11-15, both included"
)

_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_UNITS = {
    "day": re.compile(r"(\d{4})-(\d{2})-(\d{2})"),
    "week": re.compile(r"(\d{4})-W(\d{2})"),
    "month": re.compile(r"(\d{4})-(\d{2})"),
    "quarter": re.compile(r"(\d{4})-Q([1-4])"),
}


@dataclass(frozen=True)
class PeriodName:
    """A period as it was asked for.

    Attributes:
        text: As written.
        unit: ``day``, ``week``, ``month``, ``quarter`` or ``range``.
        days: How many of the newest backup days; None for a calendar period.
        first: First backup day of a calendar period; None for the newest days.
        after: The day after its last; None for the newest days.
    """

    text: str
    unit: str
    days: int | None = None
    first: date | None = None
    after: date | None = None

    @property
    def is_newest(self) -> bool:
        """Whether it is the newest backup days instead of a calendar period."""
        return self.days is not None


def parse_period(text: str) -> PeriodName:
    """Reads the name of a period.

    Args:
        text: As on the command line.

    Raises:
        ValueError: It names no period; the message says why.
    """
    if text in NEWEST:
        return PeriodName(text, text, days=NEWEST[text])
    if ".." in text:
        begin, end = text.split("..", 1)
        (_, first, _), (_, last, after) = _calendar(begin), _calendar(end)
        if first > last:
            raise ValueError(f"{begin} is later than {end}")
        return PeriodName(text, "range", first=first, after=after)
    unit, first, after = _calendar(text)
    return PeriodName(text, unit, first=first, after=after)


def earlier_starts(unit: str, first: date, days: int, number: int) -> list[date]:
    """First days of the periods before one, the earliest first.

    Args:
        unit: ``month`` and ``quarter`` go back by the calendar, any other by ``days``.
        first: First day of the period itself.
        days: Its length in days.
        number: How many periods to go back.
    """
    months = {"month": 1, "quarter": 3}.get(unit)
    if months is None:
        return [first - timedelta(days=days * back) for back in range(number, 0, -1)]
    return [_add_months(first, -months * back) for back in range(number, 0, -1)]


def _calendar(text: str) -> tuple[str, date, date]:
    """The unit of a calendar period, its first day and the day after its last."""
    for unit, pattern in _UNITS.items():
        if found := pattern.fullmatch(text):
            numbers = [int(number) for number in found.groups()]
            if not _FIRST_YEAR <= numbers[0] <= _LAST_YEAR:
                raise ValueError(f"the year must be from {_FIRST_YEAR} to {_LAST_YEAR}")
            try:
                return unit, *_SPANS[unit](*numbers)
            except ValueError as error:
                raise ValueError(f"{text} is not in the calendar") from error
    raise ValueError("not known")


def _day(year: int, month: int, day: int) -> tuple[date, date]:
    first = date(year, month, day)
    return first, first + timedelta(days=1)


def _week(year: int, week: int) -> tuple[date, date]:
    first = date.fromisocalendar(year, week, 1)
    return first, first + timedelta(days=7)


def _month(year: int, month: int) -> tuple[date, date]:
    first = date(year, month, 1)
    return first, _add_months(first, 1)


def _quarter(year: int, quarter: int) -> tuple[date, date]:
    first = date(year, 3 * quarter - 2, 1)
    return first, _add_months(first, 3)


_SPANS: dict[str, Callable[..., tuple[date, date]]] = {
    "day": _day,
    "week": _week,
    "month": _month,
    "quarter": _quarter,
}


def _add_months(first: date, months: int) -> date:
    """The first day of another month; ``first`` is the first of its month."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
