"""Which failures pass by themselves, and how long to wait for that. Pure; the loop is ``persistence``."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses worth another try; any other says the same however often it is asked."""

TOO_MANY = 429

FIRST_WAIT_SECONDS = 1.0
MOST_WAIT_SECONDS = 60.0
# Refused requests count against the quota too, and quotas of 5 minutes are seen in the wild
# (terraform-provider-huaweicloud issue 1335, which waits minutes): wait longer from the start.
FIRST_WAIT_SECONDS_TOO_MANY = 4.0
MOST_WAIT_SECONDS_TOO_MANY = 120.0
# Who answers, if only garbage, needs no long rest.
MOST_WAIT_SECONDS_UNREADABLE = 4.0


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Reads how long a server asks to wait.

    Args:
        headers: The answer's headers, names in lower case.
        now: The present, UTC; used where the server does not say what it takes for the present.

    Returns:
        Seconds, never negative; None where nothing usable is said.
    """
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        until = parse_http_date(said)
        if until is None:
            return None
        seconds = (until - (parse_http_date(headers.get("date", "")) or now)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def parse_http_date(said: str) -> datetime | None:
    """Reads a date as HTTP headers print it.

    >>> parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT")
    datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.timezone.utc)
    """
    try:
        instant = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def backoff_seconds(tries: int, *, is_too_many: bool, random: Random) -> float:
    """How long to wait where the server does not say: exponentially longer, scattered by half.

    Args:
        tries: Tries made so far, at least 1.
        is_too_many: Whether the server said that it is asked too much.
        random: Scatters the waits, so that threads refused together do not come back together.

    Returns:
        Seconds.
    """
    first, most = (
        (FIRST_WAIT_SECONDS_TOO_MANY, MOST_WAIT_SECONDS_TOO_MANY)
        if is_too_many
        else (FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS)
    )
    return min(most, first * 2.0 ** min(tries - 1, 30)) * random.uniform(0.5, 1.0)
