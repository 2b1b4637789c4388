"""Faults: how the server misbehaves on purpose, by rate, with a seed of its own."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from starlette.responses import HTMLResponse, Response

from pipelines.emulator.answers import refuse
from pipelines.emulator.clock import parse_span
from pipelines.errors import UsageError

THROTTLED = "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute"
RATES = ("throttle", "gateway", "truncate", "corrupt", "stall")
DESCRIPTION = (
    "throttle=RATE (429), retry_after=SECONDS (with them), quota=N/SPAN (429 above), gateway=RATE (502 with "
    "HTML), truncate=RATE (a body that breaks off), corrupt=RATE (a body that is no JSON), stall=RATE (an "
    "answer that takes 90 s)"
)


@dataclass
class Faults:
    """What goes wrong, and how often.

    Attributes:
        rates: Probability of each kind.
        retry_after: Seconds that a 429 asks to wait; None for no such header.
        quota: Requests allowed, and in how many seconds.
        random: Decides.
        clock: Seconds that never run backwards.
        told: How often each fault was served.
    """

    rates: dict[str, float]
    retry_after: int | None
    quota: tuple[int, float] | None
    random: Random
    clock: Callable[[], float]
    told: dict[str, int] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)

    async def instead(self) -> Response | None:
        """A fault instead of an answer, None for none."""
        if self._is_over_quota() or self._strikes("throttle"):
            headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            return refuse(429, "APIGW.0308", THROTTLED, headers)
        if self._strikes("gateway"):
            return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
        if self._strikes("stall"):
            await asyncio.sleep(90)
        return None

    def spoil(self, body: bytes) -> bytes:
        """The body, perhaps truncated or corrupted."""
        if self._strikes("truncate"):
            return body[: len(body) // 2]
        return body.replace(b":", b";", 1) if self._strikes("corrupt") else body

    def _strikes(self, kind: str) -> bool:
        if self.random.random() >= self.rates.get(kind, 0):
            return False
        self.told[kind] = self.told.get(kind, 0) + 1
        return True

    def _is_over_quota(self) -> bool:
        if self.quota is None:
            return False
        most, seconds = self.quota
        now = self.clock()
        while self._recent and self._recent[0] <= now - seconds:
            self._recent.popleft()
        self._recent.append(now)
        if len(self._recent) <= most:
            return False
        self.told["quota"] = self.told.get("quota", 0) + 1
        return True


def read_faults(pairs: Sequence[str], random: Random, clock: Callable[[], float]) -> Faults:
    """Reads faults as ``KEY=VALUE``.

    Raises:
        UsageError: A key or value is unknown; the message lists what is allowed.
    """
    found = Faults({}, None, None, random, clock)
    for pair in pairs:
        key, _, value = pair.partition("=")
        try:
            if key in RATES and 0 <= float(value) <= 1:
                found.rates[key] = float(value)
                continue
            if key == "retry_after" and int(value) >= 0:
                found.retry_after = int(value)
                continue
            if key == "quota":
                most, _, span = value.partition("/")
                seconds = parse_span(span)
                if seconds is not None and int(most) >= 0:
                    found.quota = (int(most), seconds.total_seconds())
                    continue
        except ValueError:
            pass
        raise UsageError(f"--fault {pair}: not known. Allowed: {DESCRIPTION}.")
    return found
