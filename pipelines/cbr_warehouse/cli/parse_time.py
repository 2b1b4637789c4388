"""Times as users write them on the command line."""

from datetime import UTC, date, datetime, time

from cbr_warehouse.contract.timestamps import parse_instant
from cbr_warehouse.errors import UsageError
from cbr_warehouse.settings.durations import parse_duration


def read_time(option: str, text: str | None, now: datetime) -> datetime | None:
    """Reads a UTC day (its first instant), an instant, or a duration before now.

    Args:
        option: The option, for the error.
        text: Its value; None where the option is absent.
        now: The present, aware.

    Returns:
        The instant, UTC; None where the option is absent.

    Raises:
        UsageError: The text is not a time.
    """
    if text is None:
        return None
    instant = _read(text, now)
    if instant is None:
        raise UsageError(
            f"{option}: {text!r} is not a time. Write a UTC day (2026-01-31), an instant "
            "(2026-01-31T12:00:00Z) or a duration before now (2w, 7d, 1d12h, 90m)."
        )
    return instant


def _read(text: str, now: datetime) -> datetime | None:
    try:
        return now - parse_duration(text)
    except OverflowError:  # before year 1
        return None
    except ValueError:
        return _read_instant(text)


def _read_instant(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return parse_instant(text)
