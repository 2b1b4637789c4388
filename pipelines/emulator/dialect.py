"""The dialect: each behaviour of the API that its documents leave open, as a switch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pipelines.emulator.clock import parse_span
from pipelines.errors import UsageError

ALLOWED = {
    "order": ("created_at", "updated_at", "started_at", "id"),
    "direction": ("desc", "asc"),
    "filter": ("created_at", "started_at", "started_ended"),
    "bounds": ("inclusive", "exclusive"),
    "over_limit": ("clamp", "refuse"),
    "count": ("all", "page"),
    "offset_base": ("0", "1"),
    "names": ("exact", "fuzzy"),
    "provider_default": ("none", "server_disk"),
    "times": ("naive", "z", "offset"),
    "nulls": ("null", "absent"),
    "incremental": ("bool", "string"),
    "counters": ("short", "long"),
}
"""What may be chosen, the default first."""


@dataclass(frozen=True)
class Dialect:
    """How the API reads requests and prints records.

    Attributes:
        order: Which column rows are ordered by.
        direction: Newest or oldest first.
        filter: Which column start_time and end_time apply to; started_ended compares start_time with
            started_at and end_time with ended_at.
        bounds: Whether the bounds belong to the window.
        over_limit: What a limit above the maximum does.
        max_limit: The maximum.
        count: Whether ``count`` is of all matching tasks or of the page.
        offset_base: Whether offset 0 or 1 is the first row.
        names: Whether names must be equal or contained.
        provider_default: Which providers a list without that filter has.
        times: How times are printed.
        nulls: Whether a field without a value is null or absent.
        incremental: Whether backup.incremental is a boolean or text.
        counters: Names of the counters of vault_delete.
        retention: How long tasks are served; None for ever.
    """

    order: str = "created_at"
    direction: str = "desc"
    filter: str = "created_at"
    bounds: str = "inclusive"
    over_limit: str = "clamp"
    max_limit: int = 1000
    count: str = "all"
    offset_base: str = "0"
    names: str = "exact"
    provider_default: str = "none"
    times: str = "naive"
    nulls: str = "null"
    incremental: str = "bool"
    counters: str = "short"
    retention: timedelta | None = timedelta(days=30)


def read_dialect(pairs: Sequence[str], default: Dialect) -> Dialect:
    """Reads switches as ``KEY=VALUE``.

    Raises:
        UsageError: A key or value is unknown; the message lists what is allowed.
    """
    chosen: dict[str, object] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        chosen[key] = _value(key, value)
    return replace(default, **chosen)  # type: ignore[arg-type]  # each value was checked for its key


def _value(key: str, value: str) -> object:
    if key in ALLOWED and value in ALLOWED[key]:
        return value
    if key == "max_limit" and value.isdecimal() and 0 < int(value) <= 1000:
        return int(value)
    if key == "retention":
        if value == "none":
            return None
        if (span := parse_span(value)) is not None:
            return span
    raise UsageError(f"--dialect {key}={value}: not known. Allowed: {describe()}.")


def describe() -> str:
    """All switches with their values, the default first."""
    texts = [f"{key}={'|'.join(values)}" for key, values in ALLOWED.items()]
    texts += ["max_limit=1..1000", "retention=SPAN|none"]
    return ", ".join(texts)
