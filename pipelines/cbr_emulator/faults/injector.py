"""Faults: how the server misbehaves on purpose, and how often it did.

What may be asked for stands in ``fault_options``; broken records in ``bad_records``.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from starlette.responses import HTMLResponse, Response

from cbr_emulator.error_responses import refuse
from cbr_emulator.faults.bad_records import BadRecords
from cbr_emulator.faults.connection_reset import ResetResponse
from cbr_emulator.faults.options import STRIKING, FaultOptions

RATES = tuple(STRIKING)
"""Faults that strike at single requests, by rate or by schedule."""

THROTTLED = "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute"
SERVER_ERRORS = {
    "error_500": (500, "APIGW.0601", "Internal server error."),
    "error_503": (503, "APIGW.0613", "The IAM service is unavailable."),
}


@dataclass
class Faults:
    """What goes wrong, and what did.

    Attributes:
        options: What was asked for.
        bad_records: Which records are broken.
        random: Decides where chance does.
        clock: Seconds that never run backwards.
        told: How often each fault was served.
        requests: How many requests for tasks there were.
        requests_of: At which of them each fault was served.
    """

    options: FaultOptions
    bad_records: BadRecords
    random: Random
    clock: Callable[[], float]
    told: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    requests_of: dict[str, list[int]] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def arrive(self) -> int:
        """The number of a request that has come, from 1."""
        self.requests += 1
        return self.requests

    def strikes(self, kind: str, request: int) -> bool:
        """Whether a fault is due at a request."""
        when = self.options.when.get(kind)
        return when is not None and when.strikes(request, self.random)

    def note(self, kind: str, request: int) -> None:
        """Counts a fault that was served."""
        self.told[kind] = self.told.get(kind, 0) + 1
        self.requests_of.setdefault(kind, []).append(request)

    async def instead(self, request: int) -> Response | None:
        """A fault instead of an answer, None for none."""
        if self._is_over_quota(request) or self._serves("throttle", request):
            seconds = self.options.retry_after
            return refuse(
                429, "APIGW.0308", THROTTLED, {} if seconds is None else {"Retry-After": str(seconds)}
            )
        if self._serves("gateway", request):
            return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
        for kind, (status, code, message) in SERVER_ERRORS.items():
            if self._serves(kind, request):
                return refuse(status, code, message)
        if self._serves("stall", request):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self.options.stall_for.total_seconds())
        return None

    def answer(self, body: bytes, headers: dict[str, str], request: int) -> Response:
        """A good answer, perhaps truncated, corrupted or cut off."""
        if self._serves("truncate", request):
            body = body[: len(body) // 2]
        elif self._serves("corrupt", request):
            body = body.replace(b":", b";", 1)
        kind = ResetResponse if self._serves("reset", request) else Response
        return kind(body, 200, headers, media_type="application/json")

    def end_stalls(self) -> None:
        """Lets the answers go that are held back, as the server is to end."""
        self._ended.set()

    def _serves(self, kind: str, request: int) -> bool:
        if not self.strikes(kind, request):
            return False
        self.note(kind, request)
        return True

    def _is_over_quota(self, request: int) -> bool:
        if self.options.quota is None:
            return False
        most, seconds = self.options.quota
        now = self.clock()
        while self._recent and self._recent[0] <= now - seconds:
            self._recent.popleft()
        self._recent.append(now)
        if len(self._recent) <= most:
            return False
        self.note("quota", request)
        return True
