"""Cron expressions, checked so that whatever passes here is one that Dagster runs.

Five fields as in crontab(5), or one of its five names; Dagster's further extensions ("L", "#",
seconds) are left out. When a schedule ticks is Dagster's business.
"""

import re

ALLOWED_CRON = (
    "five fields in quotes (minute, hour, day of month, month, day of week) as in crontab, "
    'such as "0 * * * *" for every full hour, or @hourly, @daily, @weekly, @monthly, @yearly'
)

_NAMED = {"@hourly", "@daily", "@weekly", "@monthly", "@yearly"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
_LAST = {name: high for name, _, high, _ in _FIELDS} | {"day of week": 6}
"""Where "*" ends: 0 and 7 are both Sunday."""

_ITEM = re.compile(r"(?:\*|(?P<first>\w{1,3})(?:-(?P<last>\w{1,3}))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)
_MOST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_cron(value: object) -> str:
    """Checks a cron expression.

    >>> parse_cron("30 6 * * mon-fri")
    '30 6 * * mon-fri'

    Args:
        value: What the user wrote.

    Returns:
        The expression, its fields one space apart.

    Raises:
        ValueError: It is none, or one that never comes due.
    """
    if not isinstance(value, str):
        raise ValueError("not a text in quotes")  # noqa: TRY004  pydantic reports ValueError, not TypeError
    fields = value.lower().split()
    if len(fields) == 1 and fields[0] in _NAMED:
        return fields[0]
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{len(fields)} fields instead of 5")
    chosen = [_values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)]
    days, months = chosen[2], chosen[3]
    if fields[4] == "*" and min(days) > max(_MOST_DAYS[month - 1] for month in months):
        raise ValueError("no such month has such a day")
    return " ".join(fields)


def _values(text: str, name: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    values: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"the {name} cannot be read")
        step = int(match["step"] or 1)
        if match["first"] is None:
            first, last = low, min(high, _LAST[name])
        else:
            first = _number(match["first"], name, names)
            last = _number(match["last"], name, names) if match["last"] else first
            if match["step"] and not match["last"]:
                raise ValueError(f"the {name} has a step without a range")
        if not low <= first <= last <= high or (match["last"] and first == last):
            raise ValueError(f"the {name} must lie between {low} and {high}, ranges rising")
        # A step beyond its range comes due just once in it, not as rarely as it looks.
        if match["step"] and not 1 <= step <= last - first:
            raise ValueError(f"the {name} has a step beyond its range")
        values.update(range(first, last + 1, step))
    return values


def _number(text: str, name: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdecimal():
        raise ValueError(f"the {name} cannot be read")
    return int(text)
