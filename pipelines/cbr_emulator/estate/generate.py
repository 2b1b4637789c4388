"""Generates an estate: all tasks of a realistic customer, as a pure function of seed, size and present.

The model follows published studies of backup logs: most failures come in streaks caused by lasting
misconfiguration, some from incidents of the region, few at random; schedules cluster at night.

Vaults are drawn (``vault_factory``) and simulated (``simulate_vault``) one after the other until there
are enough tasks. One vault, the anchor, is simulated near the end: episodes that every estate must
contain and that did not occur at random are made to happen in it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from cbr_emulator.estate.deletions import MAX_MANUAL_DELETIONS
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.incidents import draw_incidents, start_simulation
from cbr_emulator.estate.inventory import EstateInventory
from cbr_emulator.estate.manual_backups import (
    IN_PROGRESS,
    manual_backups_in_progress,
    manual_backups_in_the_past,
)
from cbr_emulator.estate.model import Vault
from cbr_emulator.estate.removals_and_maintenance import maintenance_tasks
from cbr_emulator.estate.replication import late_copies
from cbr_emulator.estate.signals import NO_SIGNALS, make_signals
from cbr_emulator.estate.simulate_vault import record_shared_episodes, run_vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import TASKS_PER_RUN, VaultFactory, tasks_per_day


@dataclass(frozen=True)
class Estate:
    """All tasks, including future ones, oldest first, and all episodes.

    Attributes:
        tasks: The tasks, by created_at.
        episodes: The episodes, by begin.
        inventory: Vaults, policies, backups and protectable resources.
    """

    tasks: tuple[Task, ...]
    episodes: tuple[Episode, ...]
    inventory: EstateInventory = field(default_factory=EstateInventory, compare=False, repr=False)


FUTURE = timedelta(days=4)
"""How far beyond the present tasks are generated, for a clock that moves on."""

MAX_OVERSHOOT = 1.07
"""Maximum ratio of actual to expected tasks of a vault, reached if no backup fails."""


MOST_SURPLUS = 8
"""Tasks beyond the wanted ones, or a fiftieth of those if that is more, with which a draw is accepted."""

MOST_DRAWS = 20
"""Draws of an estate at most; the last one is taken as it is."""


def generate_estate(tasks: int, days: int, seed: int, now: datetime, *, has_signals: bool = False) -> Estate:
    """Generates an estate.

    One in a thousand small estates has a vault that deletes far more than it backs up, or before its first
    day: it is drawn again.

    Args:
        tasks: Approximate number of tasks created within the days before now.
        days: Number of days before now.
        seed: Another seed gives another estate.
        now: The present, UTC.
        has_signals: Whether vaults are added in which what alarms look for happens (``signals``). The
            other tasks are the same without them; an estate of less than 60 days has none.

    Returns:
        The estate, from ``days`` before now until ``FUTURE`` after now.
    """
    start, most = now - timedelta(days=days), tasks + max(MOST_SURPLUS, tasks / 50)
    sequence = f"{seed}/{tasks}/{days}/{now.isoformat()}"
    for draw in range(MOST_DRAWS):
        own = f"{sequence}/{draw}" if draw else sequence
        drawn, estate = _draw(own, tasks, days, now, has_signals=has_signals)
        if drawn[0].created_at >= start and _count(drawn, now) <= most:
            break
    return estate


def _draw(seed: str, tasks: int, days: int, now: datetime, *, has_signals: bool) -> tuple[list[Task], Estate]:
    """The tasks that were asked for, and the estate, which has those of the signals besides."""
    start = now - timedelta(days=days)
    simulation = start_simulation(Random(seed), start, now, now + FUTURE, tasks / days)
    factory = VaultFactory(simulation)
    anchor = factory.anchor()
    draw_incidents(simulation, anchor)
    made = list(manual_backups_in_progress(simulation, factory, min(len(IN_PROGRESS), tasks)))
    made += maintenance_tasks(simulation, factory)
    made += _run_vaults(simulation, factory, anchor, tasks - _count(made, now))
    made += manual_backups_in_the_past(simulation, factory, max(0, tasks - _count(made, now)))
    made.sort(key=lambda task: (task.created_at, task.id))
    added = make_signals(simulation, Random(f"{seed}/signals")) if has_signals else NO_SIGNALS
    record_shared_episodes(simulation)
    every = sorted([*made, *added.tasks], key=lambda task: (task.created_at, task.id))
    every = _end_overlapping(every, now)
    episodes = [*simulation.episodes, *added.episodes, *late_copies(every)]
    episodes.sort(key=lambda one: (one.begins_at, one.kind, one.about))
    inventory = EstateInventory(
        (*factory.made, *added.vaults),
        frozenset(vault.id for vault, _ in (*simulation.machines, *added.machines)),
        tuple(every),
        simulation.start,
        simulation.end,
        seed,
    )
    return made, Estate(inventory.tasks, tuple(episodes), inventory)


def _run_vaults(
    simulation: Simulation, factory: VaultFactory, anchor: Vault | None, wanted: int
) -> list[Task]:
    """Draws and simulates vaults until they have about the wanted tasks; the anchor near the end."""
    days = (simulation.now - simulation.start) / timedelta(days=1)
    made: list[Task] = []
    left = wanted

    def simulate(vault: Vault) -> None:
        nonlocal left
        tasks = list(run_vault(simulation, vault))
        left -= _count(tasks, simulation.now)
        made.extend(tasks)

    def fill(reserve: float) -> None:
        while (room := (left - reserve) / days) > TASKS_PER_RUN / 7:  # the smallest vault runs once a week
            simulate(factory.vault(room / MAX_OVERSHOOT))

    if anchor is not None:
        fill(days * tasks_per_day(anchor) * len(anchor.machines) * MAX_OVERSHOOT + MAX_MANUAL_DELETIONS)
        simulate(anchor)
    fill(0)
    return made


def _count(tasks: Iterable[Task], now: datetime) -> int:
    return sum(1 for task in tasks if task.created_at < now)


def _end_overlapping(tasks: list[Task], now: datetime) -> list[Task]:
    """Leaves each resource one open task at the present: a backup if there is one, else its oldest.

    CBR runs one operation on a resource at a time, so the others are ended at the present.
    """
    is_open = [
        place
        for place, task in enumerate(tasks)
        if task.created_at <= now and task.resource is not None and (not task.ended_at or task.ended_at > now)
    ]
    is_open.sort(key=lambda place: tasks[place].operation_type != "backup")
    seen: Counter[str] = Counter()
    for place in is_open:
        task = tasks[place]
        resource_id = task.resource["id"] if task.resource else ""
        seen[resource_id] += 1
        if seen[resource_id] > 1 and task.started_at is not None:
            tasks[place] = replace(task, started_at=min(task.started_at, now), ended_at=now)
    return tasks
