"""The estate: everything a believable customer's vaults did, as a pure function of a seed.

The model is that of published studies of backup logs: most failures come in streaks from lasting
misconfiguration, some from incidents of a region, few by chance; schedules cluster in the night.

Vaults are drawn and live one after the other (``vaults``, ``life``) until there are tasks enough. The
anchor lives last but for some small ones: what every estate is to show and did not show by chance is
made to happen there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from cbr_emulator.estate.deletions import MOST_BY_HAND
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.manual_backups import AT_WORK, at_work, on_demand
from cbr_emulator.estate.model import Vault
from cbr_emulator.estate.removals_and_maintenance import chores
from cbr_emulator.estate.replication import late_copies
from cbr_emulator.estate.scenario import plan, strike
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import PER_BACKUP, VaultFactory, tasks_a_day
from cbr_emulator.estate.vault_lifecycle import live, tell_troubles


@dataclass(frozen=True)
class Estate:
    """All tasks, also those that lie ahead, oldest first, and what was made to happen.

    Attributes:
        tasks: The tasks.
        episodes: The episodes, in the order in which they begin.
    """

    tasks: tuple[Task, ...]
    episodes: tuple[Episode, ...]


AHEAD = timedelta(days=4)
"""How far the estate is laid out beyond its present, for a clock that moves on."""

LUCK = 1.07
"""How many times as many tasks as expected a vault makes at most, where nothing ever fails in it."""


def lay_out(tasks: int, days: int, seed: int, now: datetime) -> Estate:
    """Lays out an estate.

    Args:
        tasks: About how many tasks stand within the days before now.
        days: How many days.
        seed: Another seed is another estate.
        now: Its present, UTC.

    Returns:
        The estate, from ``days`` before now until some days after.
    """
    start = now - timedelta(days=days)
    world = plan(Random(f"{seed}/{tasks}/{days}/{now.isoformat()}"), start, now, now + AHEAD, tasks / days)
    founder = VaultFactory(world)
    anchor = founder.anchor()
    strike(world, anchor)
    made = list(at_work(world, founder, min(len(AT_WORK), tasks)))
    made += chores(world, founder)
    made += _live_all(world, founder, anchor, tasks - _count(made, now))
    made += on_demand(world, founder, max(0, tasks - _count(made, now)))
    tell_troubles(world)
    made.sort(key=lambda task: (task.created_at, task.id))
    made = _end_doubles(made, now)
    episodes = [*world.episodes, *late_copies(made)]
    episodes.sort(key=lambda one: (one.begins_at, one.kind, one.about))
    return Estate(tuple(made), tuple(episodes))


def _live_all(world: Simulation, founder: VaultFactory, anchor: Vault | None, wanted: int) -> list[Task]:
    """Draws vaults and lets them live until they made about so many tasks, the anchor near the end."""
    days = (world.now - world.start) / timedelta(days=1)
    made: list[Task] = []
    left = wanted

    def let_live(vault: Vault) -> None:
        nonlocal left
        lived = list(live(world, vault))
        left -= _count(lived, world.now)
        made.extend(lived)

    def fill(kept_free: float) -> None:
        while (room := (left - kept_free) / days) > PER_BACKUP / 7:  # the smallest vault runs once a week
            let_live(founder.vault(room / LUCK))

    if anchor is not None:
        fill(days * tasks_a_day(anchor) * len(anchor.machines) * LUCK + MOST_BY_HAND)
        let_live(anchor)
    fill(0)
    return made


def _count(tasks: Iterable[Task], now: datetime) -> int:
    return sum(1 for task in tasks if task.created_at < now)


def _end_doubles(tasks: list[Task], now: datetime) -> list[Task]:
    """Leaves each resource one open task at the present: a backup if there is one, else its oldest.

    The source works at one thing of a resource at a time; the others have just ended.
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
