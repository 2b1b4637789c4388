"""The HTTP transport of a life: requests go to the emulator's application, or are lost on their way."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import httpx

from cbr_emulator.clock import parse_time
from cbr_emulator.faults.triggers import Trigger
from cbr_warehouse.extract.scopes import SAMPLE_SIZE
from simulation.clocks import Clocks
from simulation.event_log import EventLog
from simulation.source import Source
from simulation.threads import Threads

NOT_KEPT = ("1", str(SAMPLE_SIZE))
"""Limits of requests for a count, and for a sample of a provider's tasks: their rows are not to be stored."""

MOST_DAYS = timedelta(days=60)
"""How far back a source is ever asked; none keeps tasks for so long."""

EXPIRED = {"error_code": "APIGW.0307", "error_msg": "The token must be updated."}


@dataclass
class Weather:
    """What goes wrong on the way, as long as it lasts.

    Attributes:
        is_down: Whether nothing answers.
        down_after: Requests after which nothing answers any more; None for never.
        is_expired: Whether the credentials are refused.
        lost: Share of responses that never arrive, though the source has answered.
        slow: Share of responses that take half a minute.
        rates: Share of requests that the source fails, by kind.
        withheld: Share of the tasks that the source counts and does not list.
        clock_jumps: Seconds by which the machine's clock moves, by the number of the request.
    """

    is_down: bool = False
    down_after: int | None = None
    is_expired: bool = False
    lost: float = 0.0
    slow: float = 0.0
    rates: dict[str, float] = field(default_factory=dict)
    withheld: float = 0.0
    clock_jumps: dict[int, float] = field(default_factory=dict)


class Network(httpx.BaseTransport):
    """Sends requests to the source.

    Args:
        source: The source.
        clocks: The time, which each request takes some of.
        random: How long a request takes, and which are lost.
        log: Gets a line of each request.

    Attributes:
        threads: The threads of the process that sends.
        weather: What goes wrong.
        delivered: Records of complete responses that arrived, by task, since this was emptied.
        asked_at: When the first complete list that covers a day, and that ended after it, arrived.
        requests: Number of requests since the weather changed.
        total: Number of all requests.
    """

    def __init__(self, source: Source, clocks: Clocks, random: Random, log: EventLog) -> None:
        self._source = source
        self._application: Callable[..., Any] = source.application()
        self._clocks = clocks
        self._random = random
        self._log = log
        self.threads: Threads | None = None
        self.weather = Weather()
        self.delivered: list[tuple[str, bytes]] = []
        self.asked_at: dict[date, datetime] = {}
        self.requests = self.total = 0

    def change(self, weather: Weather) -> None:
        """Sets what goes wrong from now on."""
        self.weather = weather
        self.requests = 0
        self._source.withheld = weather.withheld
        self._source.faults.options.when = {kind: Trigger(rate) for kind, rate in weather.rates.items()}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request and its response; other threads run while they are on their way."""
        assert self.threads
        weather = self.weather
        self.requests += 1
        self.total += 1
        number = self.requests
        self._clocks.skew += timedelta(seconds=weather.clock_jumps.get(number, 0.0))
        path = f"{request.method} {request.url.raw_path.decode()}"
        self.threads.sleep(self._random.uniform(0.005, 0.1))
        if weather.is_down or (weather.down_after is not None and number > weather.down_after):
            self._log.note(f"{path}: not reached")
            raise httpx.ConnectError("the network is unreachable", request=request)
        spoiled = self._spoiled()
        status, headers, body, sent = self._answer(request)
        is_whole = status == 200 and self._spoiled() == spoiled
        is_lost = self._random.random() < weather.lost
        takes = 30.0 if self._random.random() < weather.slow else self._random.uniform(0.005, 0.3)
        self._log.note(f"{path}: {status}, {len(body)} bytes{', lost' if is_lost else ''}")
        self.threads.sleep(takes)
        if is_lost:
            raise httpx.ReadTimeout("the response does not arrive", request=request)
        if is_whole and request.url.params.get("limit") is not None:
            self._note_days(request.url.params)
        if is_whole and request.url.params.get("limit") not in NOT_KEPT:
            self.delivered += sent
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), request=request)

    def _spoiled(self) -> int:
        """How many bodies the source has truncated or corrupted."""
        counts = self._source.faults.counts
        return counts.get("truncate", 0) + counts.get("corrupt", 0)

    def _note_days(self, asked: Mapping[str, str]) -> None:
        now = self._clocks.now()
        since, until = (parse_time(asked.get(name, "")) for name in ("start_time", "end_time"))
        last = min(now, until or now).date()
        day = max((since or now - MOST_DAYS), now - MOST_DAYS).date()
        while day <= last and day < now.date():
            self.asked_at.setdefault(day, now)
            day += timedelta(days=1)

    def _answer(self, request: httpx.Request) -> tuple[int, list[tuple[bytes, bytes]], bytes, list[Any]]:
        if self.weather.is_expired:
            date = [(b"date", self._clocks.now().strftime("%a, %d %b %Y %H:%M:%S GMT").encode())]
            return 401, date, json.dumps(EXPIRED).encode(), []
        self._source.sent = []
        status, headers, body = _call(self._application, request)
        return status, headers, body, self._source.sent


def _call(
    application: Callable[..., Any], request: httpx.Request
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Runs an application that never waits, without an event loop."""
    messages: list[dict[str, Any]] = []
    path, _, query = request.url.raw_path.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.read(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    call = application(scope, receive, send)
    try:
        call.send(None)
    except StopIteration:
        pass
    else:
        raise AssertionError(f"the emulator waits at {path!r}")
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return messages[0]["status"], messages[0]["headers"], body
