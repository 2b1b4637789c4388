"""Options of ``--fault``: names, values, descriptions, and parsing."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cbr_emulator.clock import parse_span
from cbr_emulator.dialect.settings import parse_share
from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.faults.bad_records import DEFAULT_RATE, KINDS, NONE, BadRecords
from cbr_emulator.faults.triggers import FORM, Trigger, parse_trigger

REQUEST_FAULTS = {
    "throttle": "429 with the gateway's error body.",
    "gateway": "502 with a gateway's HTML.",
    "error_500": "500 with a gateway's JSON.",
    "error_503": "503 with a gateway's JSON.",
    "reset": "The connection is reset in the middle of the body.",
    "stall": "The response is delayed by stall_for.",
    "truncate": "200 with a truncated body.",
    "corrupt": "200 with a body that is not JSON.",
}
"""Faults that affect single requests, by rate or by request number."""

TRIGGERED = (*REQUEST_FAULTS, "vanish")
"""All faults that are served at some requests."""

INVENTORY_KINDS = ("vaults", "policies", "backups", "protectables")
"""The lists of an inventory."""

FAULTS: dict[str, tuple[str, str]] = {
    **{name: (FORM, meaning) for name, meaning in REQUEST_FAULTS.items()},
    "retry_after": ("SECONDS", "Retry-After of every 429. Default: no such header."),
    "quota": ("N/SPAN", "429 for more than N requests within the span."),
    "stall_for": ("SPAN", "Delay of a stalled response. Default 90s."),
    "expire_token": (
        f"N|SPAN|{FORM}",
        (
            "A token from IAM is refused with 401 before its 24 h are over: after N requests, after a span, "
            "or all tokens at a request. demo-token stays valid."
        ),
    ),
    "skew": (
        "SPAN|-SPAN",
        "Offset of the server's clock: Date, signatures, current time.",
    ),
    "forbid": (
        "|".join(INVENTORY_KINDS),
        "403 for a list of the inventory (repeatable).",
    ),
    "not_offered": (
        "|".join(INVENTORY_KINDS),
        "404 for a list of the inventory, as where a cloud has no such API (repeatable).",
    ),
    "vanish": (
        FORM,
        "At such a request for a list of the inventory, its first object is gone for good.",
    ),
    "bad_records": (
        f"RATE|{'|'.join(KINDS)}",
        (
            "Share of tasks with malformed records, and the kinds (repeatable). "
            f"If only one of the two is given, the other defaults to {DEFAULT_RATE} or every kind."
        ),
    ),
}
"""Each key: notation of its values, and description."""


@dataclass
class FaultOptions:
    """The selected faults.

    Attributes:
        given: The options as written.
        when: Trigger of each request fault.
        retry_after: Seconds in the Retry-After header of a 429; None for no header.
        quota: Allowed requests, and the length of the window in seconds.
        stall_for: Delay of a stalled response.
        token_uses: Requests for which a token from IAM is accepted.
        token_lasts: How long a token from IAM is accepted.
        skew: Offset of the server's clock, positive if it is ahead.
        forbidden: Lists of the inventory that are answered with 403.
        not_offered: Those that are answered with 404.
        bad_rate: Share of bad records; None if only kinds were given.
        bad_kinds: Kinds of bad records; empty for all.
    """

    given: tuple[str, ...] = ()
    when: dict[str, Trigger] = field(default_factory=dict)
    retry_after: int | None = None
    quota: tuple[int, float] | None = None
    stall_for: timedelta = timedelta(seconds=90)
    token_uses: int | None = None
    token_lasts: timedelta | None = None
    skew: timedelta = timedelta()
    forbidden: tuple[str, ...] = ()
    not_offered: tuple[str, ...] = ()
    bad_rate: float | None = None
    bad_kinds: tuple[str, ...] = ()

    def bad_records(self, seed: int) -> BadRecords:
        """The selected bad records."""
        if self.bad_rate is None and not self.bad_kinds:
            return NONE
        rate = DEFAULT_RATE if self.bad_rate is None else self.bad_rate
        return BadRecords(rate, self.bad_kinds or tuple(KINDS), seed)


def parse_fault_options(pairs: Sequence[str]) -> FaultOptions:
    """Parses options written ``KEY=VALUE``.

    Raises:
        EmulatorOptionError: A key or value is unknown; the message lists the allowed ones.
    """
    options = FaultOptions(tuple(pairs))
    for pair in pairs:
        key, _, value = pair.partition("=")
        read = _READERS.get(key) or (_read_trigger(key) if key in TRIGGERED else None)
        if read is None or not read(options, value):
            raise EmulatorOptionError(f"--fault {pair}: not known. Allowed: {describe_faults()}.")
    return options


def describe_faults() -> str:
    """All faults with their values."""
    return ", ".join(f"{name}={form}" for name, (form, _) in FAULTS.items())


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _read_trigger(key: str) -> Callable[[FaultOptions, str], bool]:
    def read(options: FaultOptions, value: str) -> bool:
        when = parse_trigger(value)
        if when is not None:
            options.when[key] = when
        return when is not None

    return read


def _read_retry_after(options: FaultOptions, value: str) -> bool:
    options.retry_after = _number(value)
    return options.retry_after is not None


def _read_quota(options: FaultOptions, value: str) -> bool:
    most, _, span = value.partition("/")
    number, seconds = _number(most), parse_span(span)
    if number is None or seconds is None:
        return False
    options.quota = (number, seconds.total_seconds())
    return True


def _read_stall_for(options: FaultOptions, value: str) -> bool:
    span = parse_span(value)
    options.stall_for = options.stall_for if span is None else span
    return span is not None


def _read_expire_token(options: FaultOptions, value: str) -> bool:
    number, span, when = _number(value), parse_span(value), parse_trigger(value)
    if number is not None:
        options.token_uses = number
    elif span is not None:
        options.token_lasts = span
    elif when is not None:
        options.when["expire_token"] = when
    else:
        return False
    return number != 0


def _read_skew(options: FaultOptions, value: str) -> bool:
    span = parse_span(value.removeprefix("-"))
    if span is not None:
        options.skew = -span if value.startswith("-") else span
    return span is not None


def _read_bad_records(options: FaultOptions, value: str) -> bool:
    if value in KINDS:
        options.bad_kinds += (value,)
        return True
    options.bad_rate = parse_share(value)
    return options.bad_rate is not None


def _read_forbid(options: FaultOptions, value: str) -> bool:
    options.forbidden += (value,)
    return value in INVENTORY_KINDS


def _read_not_offered(options: FaultOptions, value: str) -> bool:
    options.not_offered += (value,)
    return value in INVENTORY_KINDS


_READERS: dict[str, Callable[[FaultOptions, str], bool]] = {
    "retry_after": _read_retry_after,
    "quota": _read_quota,
    "stall_for": _read_stall_for,
    "expire_token": _read_expire_token,
    "skew": _read_skew,
    "forbid": _read_forbid,
    "not_offered": _read_not_offered,
    "bad_records": _read_bad_records,
}
