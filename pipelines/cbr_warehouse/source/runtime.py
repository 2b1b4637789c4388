"""Clock, sleep, randomness and timeouts: what the client is given, so that tests can pass their own."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """Time and randomness.

    Attributes:
        clock: The current time, UTC.
        sleep: Sleeps some seconds.
        monotonic: Seconds that never run backwards, for durations.
        random: Jitter for waits.
    """

    clock: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Random = field(default_factory=SystemRandom)


@dataclass(frozen=True)
class Owner:
    """On whose behalf requests are made: its ``str`` begins each message.

    Attributes:
        name: Its name in the configuration, which begins each line of the log.
        kind: What it is.
    """

    name: str
    kind: str = "Source"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Timeouts:
    """How long to wait for what.

    Attributes:
        budget_seconds: For one request with all its attempts and the waits between them. Longer than
            the quotas of five minutes that are seen in practice.
        contact_seconds: The same while the server was never reached: a wrong address is reported soon.
        first_answer_seconds: The same while the server has answered no request yet: one that is down is
            given up soon. A rate limit is waited for as ever.
        attempt_seconds: For one attempt, however slowly its response trickles in.
        connect_seconds: Until a connection is established.
        read_seconds: Until the next bytes of a response arrive.
        write_seconds: Until bytes of a request are accepted.
        pool_seconds: Until a connection of the pool is free.
    """

    budget_seconds: float = 600.0
    contact_seconds: float = 15.0
    first_answer_seconds: float = 120.0
    attempt_seconds: float = 180.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    write_seconds: float = 30.0
    pool_seconds: float = 60.0
