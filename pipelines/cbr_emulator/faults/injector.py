"""Decides which fault affects a request, builds the response, and counts the faults served.

The options are in ``faults.options``, malformed records in ``faults.bad_records``.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from starlette.responses import HTMLResponse, Response

from cbr_emulator.error_responses import error_response
from cbr_emulator.faults.bad_records import BadRecords
from cbr_emulator.faults.connection_reset import ResetResponse
from cbr_emulator.faults.options import FaultOptions

THROTTLE_MESSAGE = (
    "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute"
)
SERVER_ERRORS = {
    "error_500": (500, "APIGW.0601", "Internal server error."),
    "error_503": (503, "APIGW.0613", "The IAM service is unavailable."),
}


@dataclass
class Faults:
    """Active faults and their counters.

    Attributes:
        options: The selected faults.
        bad_records: The malformed records.
        random: Source of randomness for rates.
        clock: Monotonic clock in seconds.
        counts: Number of times each fault was served.
        requests: Number of task requests so far.
        requests_of: Numbers of the requests at which each fault was served.
        vanished: Objects that are gone from the beginning of each list of the inventory.
    """

    options: FaultOptions
    bad_records: BadRecords
    random: Random
    clock: Callable[[], float]
    counts: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    requests_of: dict[str, list[int]] = field(default_factory=dict)
    vanished: Counter[str] = field(default_factory=Counter)
    _recent: deque[float] = field(default_factory=deque)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def next_request_number(self) -> int:
        """Counts a request and returns its number, from 1."""
        self.requests += 1
        return self.requests

    def is_due(self, kind: str, request: int) -> bool:
        """Whether a fault is due at a request."""
        when = self.options.when.get(kind)
        return when is not None and when.is_due(request, self.random)

    def count(self, kind: str, request: int) -> None:
        """Counts a fault that was served."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.requests_of.setdefault(kind, []).append(request)

    async def fault_response(self, request: int) -> Response | None:
        """The error response of the first fault due at a request; None if the request is to be answered."""
        if self._is_over_quota(request) or self._serves("throttle", request):
            seconds = self.options.retry_after
            return error_response(
                429, "APIGW.0308", THROTTLE_MESSAGE, {} if seconds is None else {"Retry-After": str(seconds)}
            )
        if self._serves("gateway", request):
            return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
        for kind, (status, code, message) in SERVER_ERRORS.items():
            if self._serves(kind, request):
                return error_response(status, code, message)
        if self._serves("stall", request):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self.options.stall_for.total_seconds())
        return None

    def inventory_response(self, kind: str, request: int) -> Response | None:
        """The error response to a request for a list of the inventory; None if it is to be answered."""
        if kind in self.options.forbidden:
            self.count("forbid", request)
            return error_response(403, "APIGW.0302", "Policy doesn't allow the action to be performed.")
        if kind in self.options.not_offered:
            self.count("not_offered", request)
            return error_response(404, "APIGW.0101", "The API does not exist or has not been published.")
        if self._serves("vanish", request):
            self.vanished[kind] += 1
        return None

    def success_response(self, body: bytes, headers: dict[str, str], request: int) -> Response:
        """A 200 response, truncated, corrupted or cut off if such a fault is due."""
        if self._serves("truncate", request):
            body = body[: len(body) // 2]
        elif self._serves("corrupt", request):
            body = body.replace(b":", b";", 1)
        kind = ResetResponse if self._serves("reset", request) else Response
        return kind(body, 200, headers, media_type="application/json")

    def end_stalls(self) -> None:
        """Ends all stalled responses because the server shuts down."""
        self._ended.set()

    def _serves(self, kind: str, request: int) -> bool:
        if not self.is_due(kind, request):
            return False
        self.count(kind, request)
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
        self.count("quota", request)
        return True
