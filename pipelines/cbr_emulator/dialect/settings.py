"""The selected dialect: one value for each option of ``dialect.options``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cbr_emulator.clock import parse_span
from cbr_emulator.dialect.options import ALLOWED, describe
from cbr_emulator.errors import EmulatorOptionError

FALLBACK = 10
"""Page size for ``over_limit=default`` if no ``default_limit`` is set."""


@dataclass(frozen=True)
class Dialect:
    """Selected values; each field is the option of the same name."""

    order: str = "created_at"
    direction: str = "desc"
    filter: str = "created_at"
    bounds: str = "inclusive"
    max_limit: int = 1000
    over_limit: str = "clamp"
    default_limit: int | None = None
    count: str = "all"
    offset_base: str = "0"
    names: str = "exact"
    provider_default: str = "none"
    times: str = "naive"
    nulls: str = "null"
    error_info: str = "texts"
    incremental: str = "bool"
    app_consistency: str = "present"
    numbers: str = "number"
    counters: str = "short"
    fail_count: str = "number"
    task_id: str = "present"
    replication: str = "present"
    volumes: str = "both"
    update_expiration_time: str = "absent"
    extra_info: str = "present"
    statuses: str = "documented"
    operation_types: str = "documented"
    resource_types: str = "documented"
    unknown: str = "absent"
    echo: str = "absent"
    retention: timedelta | None = timedelta(days=30)
    late: float = 0
    late_by: timedelta = timedelta(hours=6)
    edited: float = 0
    edits: str = "dated"
    tick: timedelta = timedelta()

    def page_size(self, limit: int | None) -> int | None:
        """Maximum number of rows of a page.

        Args:
            limit: Requested limit; None if the request has none.

        Returns:
            The number of rows; None if the limit must be refused with 400.
        """
        if limit is None:
            return min(self.default_limit or self.max_limit, self.max_limit)
        if limit <= self.max_limit:
            return limit
        if self.over_limit == "refuse":
            return None
        fallback = self.max_limit if self.over_limit == "clamp" else self.default_limit or FALLBACK
        return min(fallback, self.max_limit)


def parse_dialect(pairs: Sequence[str], default: Dialect) -> Dialect:
    """Parses options written ``KEY=VALUE``.

    Raises:
        EmulatorOptionError: A key or value is unknown; the message lists the allowed ones.
    """
    chosen: dict[str, object] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        chosen[key] = _value(key, value)
    return replace(default, **chosen)  # type: ignore[arg-type]  # each value was checked for its key


def _value(key: str, value: str) -> object:
    if value in ALLOWED.get(key, ()):
        return value
    if key == "retention" and value == "none":
        return None
    read = {
        "max_limit": _limit,
        "default_limit": _limit,
        "retention": parse_span,
        "late_by": parse_span,
        "tick": parse_span,
        "late": parse_share,
        "edited": parse_share,
    }
    found = read[key](value) if key in read else None
    if found is None:
        raise EmulatorOptionError(f"--dialect {key}={value}: not known. Allowed: {describe()}.")
    return found


def _limit(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= 1000 else None


def parse_share(text: str) -> float | None:
    """Parses a share such as ``0.02``; returns None if it is not a number from 0 to 1.

    >>> parse_share("0.02"), parse_share("2")
    (0.02, None)
    """
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None
