"""Where and when a day of the analytics begins: time zones and the anchor hour."""

import re
from datetime import time
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from cbr_warehouse.settings.durations import show

ALLOWED_TIMEZONE = 'a name of the IANA time zone database in quotes, such as "UTC" or "Europe/Berlin"'
ALLOWED_ANCHOR = 'a time of day in quotes, "HH:MM" from "00:00" to "23:59"'

_ANCHOR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@lru_cache(maxsize=1)
def _zones() -> set[str]:
    """All zones; finding them reads hundreds of files, and each source may name one."""
    return available_timezones()


def parse_timezone(value: object) -> str:
    """Checks the name of a time zone.

    Args:
        value: What the user wrote.

    Returns:
        The name.

    Raises:
        ValueError: There is no such zone here.
    """
    if value == "UTC":
        return "UTC"
    zones = _zones()
    if isinstance(value, str) and value in zones:
        return value
    by_lower = {zone.lower(): zone for zone in zones}
    near = get_close_matches(str(value).lower(), by_lower, n=1, cutoff=0.7)
    hint = f' (did you mean "{by_lower[near[0]]}"?)' if near else ""
    raise ValueError(f"{show(value)} is not a time zone{hint}")


def parse_anchor(value: object) -> time:
    """Reads the time of day at which a backup day begins.

    >>> parse_anchor("18:00")
    datetime.time(18, 0)

    Args:
        value: What the user wrote; a time passes as it is.

    Returns:
        The time of day.

    Raises:
        ValueError: It is not a time of day.
    """
    if isinstance(value, time):
        return value
    match = _ANCHOR.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{show(value)} is not a time of day")
    return time(int(match[1]), int(match[2]))
