"""How numbers, times and names are printed. Which column is printed how is in ``tables``."""

from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from cbr_warehouse.contract.visible_text import escape_invisible

_LEAST, _MOST = Decimal("0.01"), Decimal("99.99")
_LONGEST_NAME = 80
"""Characters of a name that are shown; the data files have all of it."""


def rounded_percent(share: float) -> Decimal:
    """A share in percent with two digits, rounded half to even.

    0 and 100 are kept for shares of exactly 0 and 1: one failure in a million is 99.99, and one success 0.01.

    Args:
        share: From 0 to 1.
    """
    rounded = (Decimal(repr(share)) * 100).quantize(_LEAST, ROUND_HALF_EVEN)
    if 0 < share < 1:
        return min(max(rounded, _LEAST), _MOST)
    return rounded


def percent(share: float | None) -> str:
    """A share as percent, see ``rounded_percent``; a dash for None."""
    return "–" if share is None else f"{rounded_percent(share)} %"


def count(number: float | None) -> str:
    """A whole number, thousands separated by commas."""
    return "–" if number is None else f"{round(number):,}"


def hours(number: float | None) -> str:
    """Hours with one digit."""
    return "–" if number is None else f"{number:,.1f} h"


def moment(value: date | datetime | None, zone: tzinfo = UTC) -> str:
    """A time to the minute with its UTC offset, or a day.

    Args:
        value: The time, aware, or a day; None for a dash.
        zone: The zone to show a time in. UTC is written as such, any other as its offset at that time, since
            abbreviations of zones are ambiguous.
    """
    if value is None:
        return "–"
    if not isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    local = value.astimezone(zone)
    if str(zone) == "UTC":
        return f"{local:%Y-%m-%d %H:%M} UTC"
    return local.isoformat(sep=" ", timespec="minutes")


def abbreviate(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name without control characters, cut after as many characters, 80 by default."""
    name = escape_invisible(name)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def named(name: str | None, short_id: str | None) -> str | None:
    """A name as it is shown: with the beginning of the id where others bear the same name."""
    if name is None or name == "(none)":
        return name
    return f"{abbreviate(name)} ({short_id})" if short_id else abbreviate(name)
