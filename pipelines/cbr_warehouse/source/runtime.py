"""Time, chance and patience: what the client takes from outside, so that tests can give it their own."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """Time and chance.

    Attributes:
        clock: The present, UTC.
        sleep: Waits some seconds.
        monotonic: Seconds that never run backwards, for durations.
        random: Scatters waits.
    """

    clock: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Random = field(default_factory=SystemRandom)


@dataclass(frozen=True)
class Timeouts:
    """How long to wait for what.

    Attributes:
        budget_seconds: For one request with all its tries, waits between them included. Longer than
            the quotas of five minutes that are seen in the wild.
        contact_seconds: The same as long as a server was never reached: a wrong address is told soon.
        attempt_seconds: For one try, however slowly its answer drips.
        connect_seconds: Until a connection stands.
        read_seconds: Until the next bytes of an answer arrive.
        write_seconds: Until bytes of a request are taken.
        pool_seconds: Until a connection is free.
    """

    budget_seconds: float = 600.0
    contact_seconds: float = 15.0
    attempt_seconds: float = 180.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    write_seconds: float = 30.0
    pool_seconds: float = 60.0
