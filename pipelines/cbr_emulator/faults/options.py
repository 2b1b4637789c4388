"""Faults as users write them: every key with its values and what it does, and how they are read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cbr_emulator.clock import parse_span
from cbr_emulator.dialect.settings import parse_share
from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.faults.bad_records import KINDS, NONE, USUAL_RATE, BadRecords
from cbr_emulator.faults.triggers import FORM, When, read_when

STRIKING = {
    "throttle": "429 with the gateway's body.",
    "gateway": "502 with a gateway's HTML.",
    "error_500": "500 with a gateway's JSON.",
    "error_503": "503 with a gateway's JSON.",
    "reset": "The connection is reset in the middle of the body.",
    "stall": "The answer comes late.",
    "truncate": "200 with a body that breaks off.",
    "corrupt": "200 with a body that is no JSON.",
}
"""Faults that strike at single requests."""

MEANINGS: dict[str, tuple[str, str]] = {
    **{name: (FORM, meaning) for name, meaning in STRIKING.items()},
    "retry_after": ("SECONDS", "Retry-After of every 429. None unless told."),
    "quota": ("N/SPAN", "429 above so many requests within a span."),
    "stall_for": ("SPAN", "How late an answer is that stalls. Default 90s."),
    "expire_token": (
        f"N|SPAN|{FORM}",
        (
            "A token from IAM is refused with 401, although its 24 h are not over: after so many requests (a "
            "whole number), after a span, or all of them at a request. demo-token stays good."
        ),
    ),
    "skew": ("SPAN|-SPAN", "The server's clock is so far ahead, or behind: Date, signatures, the present."),
    "bad_records": (
        f"RATE|{'|'.join(KINDS)}",
        (
            "Share of tasks whose records are broken, and of which kinds (repeat it for several). "
            f"Default, where one of the two is told: {USUAL_RATE}, and every kind."
        ),
    ),
}
"""Every key: how its values are written, and what it does."""


@dataclass
class FaultOptions:
    """Faults as they were asked for.

    Attributes:
        told: The options themselves.
        when: When each striking fault does.
        retry_after: Seconds that a 429 asks to wait; None for no such header.
        quota: Requests allowed, and in how many seconds.
        stall_for: How late a stalling answer is.
        token_uses: Requests that a token from IAM is good for.
        token_lasts: How long a token from IAM is good.
        skew: How far the server's clock is ahead.
        bad_rate: Share of bad records; None where only kinds were told.
        bad_kinds: Their kinds; all, where none was told.
    """

    told: tuple[str, ...] = ()
    when: dict[str, When] = field(default_factory=dict)
    retry_after: int | None = None
    quota: tuple[int, float] | None = None
    stall_for: timedelta = timedelta(seconds=90)
    token_uses: int | None = None
    token_lasts: timedelta | None = None
    skew: timedelta = timedelta()
    bad_rate: float | None = None
    bad_kinds: tuple[str, ...] = ()

    def bad_records(self, seed: int) -> BadRecords:
        """Which records are bad."""
        if self.bad_rate is None and not self.bad_kinds:
            return NONE
        rate = USUAL_RATE if self.bad_rate is None else self.bad_rate
        return BadRecords(rate, self.bad_kinds or tuple(KINDS), seed)


def read_fault_options(pairs: Sequence[str]) -> FaultOptions:
    """Reads faults as ``KEY=VALUE``.

    Raises:
        EmulatorOptionError: A key or value is unknown; the message lists what is allowed.
    """
    options = FaultOptions(tuple(pairs))
    for pair in pairs:
        key, _, value = pair.partition("=")
        read = _READERS.get(key) or (_read_striking(key) if key in STRIKING else None)
        if read is None or not read(options, value):
            raise EmulatorOptionError(f"--fault {pair}: not known. Allowed: {describe_faults()}.")
    return options


def describe_faults() -> str:
    """All faults with their values."""
    return ", ".join(f"{name}={form}" for name, (form, _) in MEANINGS.items())


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _read_striking(key: str) -> Callable[[FaultOptions, str], bool]:
    def read(options: FaultOptions, value: str) -> bool:
        when = read_when(value)
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
    number, span, when = _number(value), parse_span(value), read_when(value)
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


_READERS: dict[str, Callable[[FaultOptions, str], bool]] = {
    "retry_after": _read_retry_after,
    "quota": _read_quota,
    "stall_for": _read_stall_for,
    "expire_token": _read_expire_token,
    "skew": _read_skew,
    "bad_records": _read_bad_records,
}
