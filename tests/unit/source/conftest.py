"""A world without a network: time stands still until someone sleeps, and answers come from a script."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Lock

import httpx
import pytest
from pydantic import SecretStr

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import (
    Credentials,
    KeyCredentials,
    PasswordCredentials,
    TokenCredentials,
)
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime, Timeouts
from support.scripted_transport import ScriptedTransport

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
Answering = httpx.Response | Exception
Script = Callable[[httpx.Request], Answering]


@dataclass
class World:
    """Time, chance and a server that follows a script.

    Attributes:
        requests: What was asked, in order.
        sleeps: How long was slept, in order.
        clients: Clients made, closed in the end.
        meanwhile: What happens when someone next begins to sleep.
    """

    now: datetime = START
    requests: list[httpx.Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    clients: list[CbrClient] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    START = START
    PROJECT = PROJECT
    LIST_PATH = f"/v3/{PROJECT}/operation-logs"
    TOKEN = TokenCredentials(SecretStr("tok-5f7a1c"))
    PASSWORD = PasswordCredentials("https://iam.example.com", "reader", SecretStr("pass wörd"), "acme")
    KEYS = KeyCredentials(SecretStr("AK-9d3e7b"), SecretStr("SK-1c8f2a"), None)
    _lock: Lock = field(default_factory=Lock)

    def sleep(self, seconds: float) -> None:
        while self.meanwhile:
            self.meanwhile.pop()()
        with self._lock:
            assert seconds >= 0
            self.sleeps.append(seconds)
            self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.now - START).total_seconds()

    @property
    def runtime(self) -> Runtime:
        return Runtime(lambda: self.now, self.sleep, self.monotonic, Random(7))

    def client(
        self,
        script: Script,
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        **keys: object,
    ) -> CbrClient:
        """A client whose requests the script answers."""

        def handle(request: httpx.Request) -> httpx.Response:
            with self._lock:
                self.requests.append(request)
            answer = script(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        source = SourceSettings.model_validate(
            {
                "name": "prod-eu",
                "endpoint": "https://cbr.example.com",
                "project_id": PROJECT,
                "region": "eu-de",
                "token": "env:UNUSED",
            }
            | keys
        )
        client = CbrClient(
            source, credentials or self.TOKEN, self.runtime, timeouts, ScriptedTransport(handle)
        )
        self.clients.append(client)
        return client

    @staticmethod
    def in_turn(*answers: Answering) -> Script:
        """Gives one answer after the other; asked once more than that, the test fails."""
        rest = list(answers)

        def script(_: httpx.Request) -> Answering:
            assert rest, "asked more often than expected"
            return rest.pop(0)

        return script

    @staticmethod
    def always(status: int, **keys: object) -> Script:
        """Gives the same answer each time."""
        return lambda _: httpx.Response(status, **keys)  # type: ignore[arg-type]

    @staticmethod
    def page(*records: bytes, count: bytes | None = None) -> httpx.Response:
        """A good answer to a list request."""
        total = str(len(records)).encode() if count is None else count
        return httpx.Response(
            200, content=b'{"operation_logs":[' + b",".join(records) + b'],"count":' + total + b"}"
        )

    @staticmethod
    def iam_token(
        value: str, *, issued_at: datetime, lifetime: timedelta = timedelta(hours=24)
    ) -> httpx.Response:
        """IAM's answer."""
        stamps = {"issued_at": issued_at.isoformat(), "expires_at": (issued_at + lifetime).isoformat()}
        return httpx.Response(201, headers={"X-Subject-Token": value}, json={"token": stamps})


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for client in made.clients:
        client.close()
