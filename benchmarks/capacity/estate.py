"""The modelled sources: how many tasks each has at which hour, where its nights are, which budget it shares.

All of it is drawn from a seed and the number of the source, so a source is the same whichever others are
simulated beside it. Nothing here is measured; ``ASSUMPTIONS`` says what is assumed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

MEDIAN_TASKS = 300
SPREAD = 1.2
MOST_TASKS = 20_000
NIGHT_SHARE = 0.7
NIGHT_HOURS = 3
TIME_ZONES = (8, 8, 8, 1, 1, 0, -5, 3)
UNPROVABLE = 0.1
EDITED = 0.03
RATE_CONFIGURED = 0.3
PROJECTS_OF_USER = (1, 1, 2, 3, 4, 6)
MINUTES = (8.0, 6.0)
"""Mean duration of a task beyond its least, and its least, in minutes."""

_ZONES = ", UTC".join(f"{zone:+d}" for zone in dict.fromkeys(TIME_ZONES))
_PROJECTS = ", ".join(map(str, PROJECTS_OF_USER))
ASSUMPTIONS = (
    f"tasks a day of a source: log-normal, median {MEDIAN_TASKS}, sigma {SPREAD}, at most {MOST_TASKS:,}",
    f"{NIGHT_SHARE:.0%} of them in {NIGHT_HOURS} hours from 22:00, most at the full hour (UTC{_ZONES})",
    "1.5 times as many on the first day of a month, and 0.6 times on Saturdays and Sundays",
    f"a task takes {MINUTES[1]:.0f} minutes and more, {sum(MINUTES):.0f} on average",
    f"{UNPROVABLE:.0%} of the sources have days that no count can prove",
    f"{EDITED:.0%} of the sources change tasks after their end",
    f"projects of one user of the API, who has one quota: {_PROJECTS} (equally often)",
    f"{RATE_CONFIGURED:.0%} of the users have `max_requests_per_second`: their quota by their projects",
)

_MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ModelSource:
    """One modelled source.

    Attributes:
        number: Its number, from 0.
        seed: Seed of all that is drawn.
        user: Number of the user whose quota its requests take.
        tasks_a_day: Mean number of new tasks of an ordinary day.
        zone: Offset of its time zone from UTC, hours.
        has_unprovable_days: Whether some of its days can never be proved.
        is_edited: Whether it changes tasks after their end, so that all recent ones are read every time.
        deep_hour: UTC hour of its daily deep load, which is that of its first load.
        max_per_second: Configured limit of requests a second; None for none.
    """

    number: int
    seed: int
    user: int
    tasks_a_day: float
    zone: int
    has_unprovable_days: bool
    is_edited: bool
    deep_hour: int
    max_per_second: float | None


@dataclass(frozen=True)
class Tasks:
    """The tasks of a source in a span of time, by creation.

    Attributes:
        created: When each was created and began, microseconds since 1970, ascending.
        ended: When each ended.
    """

    created: NDArray[np.int64]
    ended: NDArray[np.int64]


def make_sources(number: int, seed: int, quota_per_second: float) -> list[ModelSource]:
    """Draws sources.

    Args:
        number: How many.
        seed: Seed.
        quota_per_second: Requests a second that one user may send.
    """
    users = np.random.default_rng((seed, 1))
    sources: list[ModelSource] = []
    user = 0
    while len(sources) < number:
        projects = int(users.choice(PROJECTS_OF_USER))
        rate = quota_per_second / projects if users.random() < RATE_CONFIGURED else None
        sources += [_make_source(len(sources) + n, seed, user, rate) for n in range(projects)]
        user += 1
    return sources[:number]


def draw_tasks(source: ModelSource, since: datetime, until: datetime) -> Tasks:
    """Draws the tasks of a source day by day, from one UTC midnight to another.

    Args:
        source: The source.
        since: First midnight, UTC.
        until: Last midnight, UTC, exclusive.
    """
    created = [_draw_day(source, since + timedelta(days=n)) for n in range((until - since).days)]
    starts = np.sort(np.concatenate(created)) if created else np.array([], np.int64)
    random = np.random.default_rng((source.seed, 3, source.number, since.toordinal()))
    minutes = MINUTES[1] + random.exponential(MINUTES[0], len(starts))
    return Tasks(starts, starts + (minutes * 60 * _MICROS).astype(np.int64))


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant_of(value: int) -> datetime:
    """The instant of microseconds since 1970, UTC."""
    return _EPOCH + timedelta(microseconds=int(value))


def _make_source(number: int, seed: int, user: int, rate: float | None) -> ModelSource:
    random = np.random.default_rng((seed, 2, number))
    zone = int(random.choice(TIME_ZONES))
    return ModelSource(
        number=number,
        seed=seed,
        user=user,
        tasks_a_day=float(min(MOST_TASKS, MEDIAN_TASKS * np.exp(SPREAD * random.standard_normal()))),
        zone=zone,
        has_unprovable_days=bool(random.random() < UNPROVABLE),
        is_edited=bool(random.random() < EDITED),
        # People add a source while they work.
        deep_hour=int(random.integers(8, 18) - zone) % 24,
        max_per_second=rate,
    )


def _draw_day(source: ModelSource, day: datetime) -> NDArray[np.int64]:
    random = np.random.default_rng((source.seed, 4, source.number, day.toordinal()))
    factor = (1.5 if day.day == 1 else 1.0) * (0.6 if day.weekday() >= 5 else 1.0)
    total = int(random.poisson(source.tasks_a_day * factor))
    at_night = int(random.binomial(total, NIGHT_SHARE))
    hours = 22 - source.zone + random.integers(0, NIGHT_HOURS, at_night)
    seconds = (hours % 24) * 3600 + np.minimum(random.exponential(120.0, at_night), 3599.0)
    seconds = np.concatenate([seconds, random.uniform(0, 86_399, total - at_night)])
    return micros(day) + (seconds * _MICROS).astype(np.int64)
