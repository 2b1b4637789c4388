"""How numbers, times and names are printed. Which column is printed how is in ``tables``."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from unicodedata import category

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


def span(length: timedelta) -> str:
    """A duration: whole days from two on, otherwise hours."""
    if length >= timedelta(days=2) and not length % timedelta(days=1):
        return f"{length.days} d"
    return f"{length / timedelta(hours=1):g} h"


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


def printable(text: str) -> str:
    r"""A text without control characters: each is shown as its escape, such as ``\x1b`` or ``\u202e``.

    Line breaks, marks of the writing direction and characters that XML does not allow are among them. They
    would end the process that draws charts, or make a name look like another one.

    Args:
        text: Any text, such as a name or an error code as received.
    """
    if text.isprintable():
        return text
    return "".join(one if _is_shown(one) else one.encode("unicode_escape").decode() for one in text)


def _is_shown(character: str) -> bool:
    # Spaces of other scripts, such as U+3000, are not "printable" in Python.
    return character.isprintable() or category(character) == "Zs"


def abbreviate(name: str) -> str:
    """A name, printable and cut after 80 characters."""
    name = printable(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
