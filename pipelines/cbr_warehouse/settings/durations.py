"""Durations as users write them, in the configuration and on the command line: "2w", "36h", "1d12h"."""

import re
from datetime import timedelta

ALLOWED_DURATION = (
    'a duration of weeks, days, hours and minutes in quotes, such as "2w", "30d", "36h", "90m" or "1d12h"'
)

_DURATION = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """Reads a duration.

    >>> parse_duration("1d12h")
    datetime.timedelta(days=1, seconds=43200)

    Args:
        value: Counts with their units, the largest first; a timedelta passes as it is.

    Returns:
        The duration.

    Raises:
        ValueError: It is not a duration.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError(f"{show(value)} is not a duration")
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def print_duration(duration: timedelta) -> str:
    """Prints a duration as users write it.

    >>> print_duration(timedelta(days=1, hours=12)), print_duration(timedelta())
    ('1d12h', '0m')
    """
    minutes = duration // timedelta(minutes=1)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0m"


def show(value: object) -> str:
    """A short, printable form of a value that is no secret, for a message."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= 40 else f"{text[:36]}..."
