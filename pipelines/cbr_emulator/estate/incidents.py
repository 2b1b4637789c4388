"""Decisions made before the first vault is simulated: incidents, the restore drill, required episodes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from cbr_emulator.estate.model import Vault
from cbr_emulator.estate.simulation_state import Incident, Simulation

REQUIRED_EPISODES = {
    "vault_full": (0.10, 0.25),
    "missed_slot": (0.30, 0.45),
    "downgraded_consistency": (0.30, 0.60),
    "late_copy": (0.35, 0.60),
    "slow_run": (0.50, 0.60),
    "mass_delete": (0.60, 0.80),
    "stuck_task": (0.85, 0.93),
}
"""Episodes that every estate contains at least once, with the part of its time span from which on they may
be made to happen.

``slow_run`` is defined by comparison with earlier runs, so it comes late. A failing streak and an
incident are drawn for the anchor itself (``vault_factory``, ``draw_incidents``).
"""

MASS_DELETE_MIN_TASKS = 1000
"""In a smaller estate a mass delete would dominate the data."""

DRILL_MIN_SPAN = timedelta(days=10)
"""A shorter estate has no restore drill."""


def start_simulation(
    random: Random, start: datetime, now: datetime, end: datetime, tasks_per_day: float
) -> Simulation:
    """Creates a simulation without any events.

    Args:
        random: Source of all randomness.
        start: Beginning of the estate.
        now: Its present.
        end: Its end, after the present.
        tasks_per_day: Wanted tasks per day.
    """
    simulation = Simulation(random, start, now, end, tasks_per_day)
    span = now - start
    latest = max(start, now - timedelta(hours=48))
    for kind, (first, last) in REQUIRED_EPISODES.items():
        simulation.required[kind] = min(latest, start + span * random.uniform(first, last))
    if tasks_per_day * (span / timedelta(days=1)) < MASS_DELETE_MIN_TASKS:
        del simulation.required["mass_delete"]
    if span >= DRILL_MIN_SPAN:
        day = start + span * random.uniform(0.3, 0.85)
        day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)
        if day < now - timedelta(days=1):
            simulation.drill_at = day.replace(hour=10, minute=0, second=0, microsecond=0)
    return simulation


def draw_incidents(simulation: Simulation, anchor: Vault | None) -> None:
    """Draws the region's incidents; the first while backups of the anchor begin, if there is one."""
    random = simulation.random
    first = list(anchor.slots(simulation.start, simulation.now - timedelta(hours=2))) if anchor else []
    if first:
        middle = first[len(first) // 8 : max(1, len(first) * 7 // 8)]
        at = random.choice(middle or first) - timedelta(minutes=random.uniform(5, 40))
        simulation.incidents.append(_incident(random, at))
        at += _gap(random)
    else:
        at = simulation.start + _gap(random)
    while at < simulation.end:
        simulation.incidents.append(_incident(random, at))
        at += _gap(random)
    simulation.incidents.sort(key=lambda one: one.begins_at)


def _incident(random: Random, at: datetime) -> Incident:
    hours = min(8, max(1.2, random.lognormvariate(0.8, 0.6)))
    return Incident(at, at + timedelta(hours=hours), random.uniform(0.15, 0.7))


def _gap(random: Random) -> timedelta:
    return timedelta(days=9 * random.paretovariate(1.4))


def poisson_times(random: Random, every_days: float, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Times of a Poisson process.

    Args:
        random: Source of randomness.
        every_days: Mean interval in days.
        begin: Start of the process.
        end: End, exclusive.
    """
    at = begin
    while (at := at + timedelta(days=min(1e5, random.expovariate(1 / every_days)))) < end:
        yield at
