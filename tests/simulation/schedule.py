"""What happens at each hourly tick of a life: drawn from its seed, before anything of it has happened."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from simulation.network import Weather
from simulation.rot import KINDS
from simulation.source import pick_rates

HOUR = 3600.0
DAY = 24 * HOUR

CLEAR = "clear"


@dataclass(frozen=True)
class Tick:
    """One tick.

    Attributes:
        pause: Seconds since the last one.
        what: ``load``, ``deep``, ``range``, ``maintain``, ``rebuild`` or ``nothing``.
        weather: What goes wrong on the way to a source.
        hit: Number of the source that it concerns; None for all.
        beside: What another process does at the same time; None where there is none.
        rot: Which files at rest have one damaged before; None for none.
        skew: Seconds that the machine's clock is ahead.
        kill: Where in its steps the process is killed, as a share of those of the last whole load.
        is_power_lost: Whether the machine goes down with it.
        full: Where in its steps the disk becomes full, likewise.
        full_steps: For how many steps; None until the end.
    """

    pause: float
    what: str = "load"
    weather: Weather = field(default_factory=Weather)
    hit: int | None = None
    beside: str | None = None
    rot: str | None = None
    skew: float = 0.0
    kill: float | None = None
    is_power_lost: bool = False
    full: float | None = None
    full_steps: int | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing goes wrong: what runs then must succeed."""
        return self.weather == Weather() and self.kill is None and self.full is None


def draw_ticks(random: Random, ticks: int) -> Iterator[Tick]:
    """The ticks of a life. Most are quiet; some trouble lasts for many."""
    trouble, left = CLEAR, 0
    skew = 0.0
    hit = None
    while ticks > 0:
        if left == 0 and random.random() < 0.12:
            trouble = random.choice(["down", "flaky", "expired", "full", "clock", "off", "withheld"])
            left = random.choice([1, 2, 3, 6, 12, 24, 40])
            hit = random.choice([None, None, 0, 1])
            skew = random.choice([-1, 1]) * random.choice([90, 600, HOUR, 5 * HOUR, 3 * DAY, 400 * DAY])
        if trouble == "off" and left:
            # Nobody asks while the machine is off.
            ticks, left, pause = ticks - left, 0, (left + 1) * HOUR
            yield _draw(random, CLEAR, 0.0, pause, None)
            continue
        yield _draw(random, trouble if left else CLEAR, skew, HOUR, hit)
        left, ticks = max(0, left - 1), ticks - 1


def _draw(random: Random, trouble: str, skew: float, pause: float, hit: int | None) -> Tick:
    weather = Weather()
    full = full_steps = kill = None
    if trouble == "down":
        weather.is_down = True
    elif trouble == "flaky":
        weather.rates, weather.lost, weather.slow = pick_rates(random), random.choice([0, 0.1]), 0.05
    elif trouble == "expired":
        weather.is_expired = True
    elif trouble == "full":
        full, full_steps = random.choice([0.0, random.random()]), random.choice([None, None, 1, 20])
    elif trouble == "withheld":
        weather.withheld = random.choice([0.1, 0.5])
    if random.random() < 0.04:
        weather.down_after = random.randrange(40)
    if random.random() < 0.02:
        weather.clock_jumps = {random.randrange(1, 30): random.choice([-1, 1]) * random.choice([100, 6000])}
    if random.random() < 0.2:
        kill = random.random()
    what = random.choices(["load", "deep", "range", "maintain", "rebuild"], [88, 4, 3, 3, 2])[0]
    return Tick(
        pause=pause - random.uniform(0, 300) + random.uniform(0, 300),
        what=what,
        weather=weather,
        hit=hit,
        beside=random.choice(["load", "maintain"]) if random.random() < 0.04 else None,
        rot=random.choice(sorted(KINDS)) if random.random() < 0.04 else None,
        skew=skew if trouble == "clock" else 0.0,
        kill=kill,
        is_power_lost=random.random() < 0.4,
        full=full,
        full_steps=full_steps,
    )
