"""Reading the times that the API prints. Knows nothing of records or columns."""

import re
from datetime import UTC, datetime

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:(Z|z)|([+-]\d\d):?(\d\d)?)?", re.ASCII
)


def parse_instant(text: str) -> datetime | None:
    """Reads one of the forms the API is known to print; a time without a zone is UTC.

    Known forms: ``2019-05-23T14:35:23.584418`` (2019 to 2023), ``…23Z`` (field
    descriptions), ``…23.584+00:00`` (Open Telekom Cloud since 2024). Digits past the
    microsecond are cut off.

    >>> parse_instant("2019-05-23T14:35:23.584+00:00")
    datetime.datetime(2019, 5, 23, 14, 35, 23, 584000, tzinfo=datetime.timezone.utc)

    Args:
        text: The time as printed.

    Returns:
        The instant in UTC, or None where the text is no such time.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, _zulu, hours, minutes = match.groups()
    micro = f".{fraction[:6]:0<6}" if fraction else ""
    zone = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    try:
        return datetime.fromisoformat(f"{date}T{time}{micro}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def print_instant(instant: datetime) -> str:
    """Prints an instant the way the project does everywhere: RFC 3339, UTC, six digits, ``Z``."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
