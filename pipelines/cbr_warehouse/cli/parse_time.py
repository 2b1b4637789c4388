"""Times as users write them on the command line."""

from datetime import UTC, date, datetime, time, timedelta

from cbr_warehouse.contract.timestamps import parse_instant
from cbr_warehouse.errors import UsageError

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def read_time(option: str, text: str | None, now: datetime) -> datetime | None:
    """Reads a day (its first instant, UTC), an instant, or a span before now.

    Args:
        option: The option, for the error.
        text: What stands there; None where the option is absent.
        now: The present.

    Returns:
        The instant, UTC; None where the option is absent.

    Raises:
        UsageError: It is none of them.
    """
    if text is None:
        return None
    instant = _read(text, now)
    if instant is None:
        raise UsageError(
            f"{option}: {text!r} is not a time. Write a UTC day (2026-01-31), an instant "
            "(2026-01-31T12:00:00Z) or a span before now (7d, 12h)."
        )
    return instant


def _read(text: str, now: datetime) -> datetime | None:
    try:
        if text[-1:] in _UNITS and text[:-1].isdecimal():
            return now - int(text[:-1]) * _UNITS[text[-1]]
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except OverflowError:
        return None
    except ValueError:
        return parse_instant(text)
