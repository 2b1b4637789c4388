"""What is settled before the first vault lives: incidents of the region, the drill, what must be shown."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from cbr_emulator.estate.model import Vault
from cbr_emulator.estate.simulation import Incident, Simulation

DUE = {
    "vault_full": (0.10, 0.25),
    "missed_slot": (0.30, 0.45),
    "downgraded_consistency": (0.30, 0.60),
    "late_copy": (0.35, 0.60),
    "slow_run": (0.50, 0.60),
    "mass_delete": (0.60, 0.80),
    "stuck_task": (0.85, 0.93),
}
"""What every estate shows once at least, with the part of its days from which on it is made to happen.

Slow is what is compared with earlier runs, so that comes late. A failing streak and an incident
are drawn for the anchor itself (``vaults``, ``strike``).
"""

MASS_DELETE_NEEDS = 1000
"""In an estate of fewer tasks, deletions by the dozen would be most of what is seen."""

DRILL_NEEDS = timedelta(days=10)
"""In a shorter estate no restores are rehearsed."""


def plan(random: Random, start: datetime, now: datetime, end: datetime, wanted: float) -> Simulation:
    """An estate in which nothing has happened yet.

    Args:
        random: All its chance.
        start: When it begins.
        now: Its present.
        end: When it ends.
        wanted: Tasks a day.
    """
    world = Simulation(random, start, now, end, wanted)
    span = now - start
    latest = max(start, now - timedelta(hours=48))
    for kind, (first, last) in DUE.items():
        world.owed[kind] = min(latest, start + span * random.uniform(first, last))
    if wanted * (span / timedelta(days=1)) < MASS_DELETE_NEEDS:
        del world.owed["mass_delete"]
    if span >= DRILL_NEEDS:
        day = start + span * random.uniform(0.3, 0.85)
        day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)
        if day < now - timedelta(days=1):
            world.drill_at = day.replace(hour=10, minute=0, second=0, microsecond=0)
    return world


def strike(world: Simulation, anchor: Vault | None) -> None:
    """Draws the incidents of the region; the first while the anchor's backups begin, where there is one."""
    random = world.random
    first = list(anchor.slots(world.start, world.now - timedelta(hours=2))) if anchor else []
    if first:
        middle = first[len(first) // 8 : max(1, len(first) * 7 // 8)]
        at = random.choice(middle or first) - timedelta(minutes=random.uniform(5, 40))
        world.incidents.append(_incident(random, at))
        at += _gap(random)
    else:
        at = world.start + _gap(random)
    while at < world.end:
        world.incidents.append(_incident(random, at))
        at += _gap(random)
    world.incidents.sort(key=lambda one: one.begins_at)


def _incident(random: Random, at: datetime) -> Incident:
    hours = min(8, max(1.2, random.lognormvariate(0.8, 0.6)))
    return Incident(at, at + timedelta(hours=hours), random.uniform(0.15, 0.7))


def _gap(random: Random) -> timedelta:
    return timedelta(days=9 * random.paretovariate(1.4))


def moments(random: Random, every_days: float, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Moments that come so many days apart on average, each independent of the others."""
    at = begin
    while (at := at + timedelta(days=min(1e5, random.expovariate(1 / every_days)))) < end:
        yield at
