"""How numbers are printed: never rounded up to a hundred percent, never without their unit."""

import math
from datetime import date, datetime, timedelta


def percent(share: float | None) -> str:
    """A share as percent, two digits, cut off rather than rounded: 99.999 % is not 100 %."""
    if share is None:
        return "–"
    return f"{math.floor(share * 10000 + 1e-9) / 100:.2f} %"


def count(number: float | None) -> str:
    """A whole number with thin groups."""
    return "–" if number is None else f"{round(number):,}"


def hours(number: float | None) -> str:
    """Hours with one digit."""
    return "–" if number is None else f"{number:,.1f} h"


def span(length: timedelta) -> str:
    """A span of time: whole days from two on, otherwise hours."""
    if length >= timedelta(days=2) and not length % timedelta(days=1):
        return f"{length.days} d"
    return f"{length / timedelta(hours=1):g} h"


def moment(value: date | datetime | None) -> str:
    """A time in UTC to the minute, or a day."""
    if value is None:
        return "–"
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else f"{value:%Y-%m-%d}"
