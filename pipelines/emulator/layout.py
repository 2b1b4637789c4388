"""The estate: everything a believable customer's vaults did, as a pure function of a seed.

The model is that of published studies of backup logs: most failures come in streaks from lasting
misconfiguration, some from incidents of a region, few by chance; schedules cluster in the night.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from pipelines.emulator.episodes import Episode
from pipelines.emulator.life import Lives
from pipelines.emulator.task import Task


@dataclass(frozen=True)
class Estate:
    """All tasks, also those that lie ahead, oldest first, and what was made to happen.

    Attributes:
        tasks: The tasks.
        episodes: The episodes.
    """

    tasks: tuple[Task, ...]
    episodes: tuple[Episode, ...]


AHEAD = timedelta(days=4)
"""How far the estate is laid out beyond its present, for a clock that moves on."""


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
    lives = Lives(Random(f"{seed}/{tasks}/{days}/{now.isoformat()}"), start, now + AHEAD)
    wanted = tasks / days
    lives.strike()
    made: list[Task] = list(lives.at_work(now))
    per_day = 0.0
    while per_day < wanted:
        vault = lives.vault(wanted - per_day)
        life = list(lives.live(vault))
        made += life
        per_day += sum(1 for task in life if start <= task.created_at < now) / days
    made.sort(key=lambda task: (task.created_at, task.id))
    within = [task for task in made if start <= task.created_at < now]
    surplus = len(within) - tasks
    if surplus > tasks // 50:  # a handful of tasks is less than one vault runs: the oldest go
        dropped = {task.id for task in within[:surplus]}
        made = [task for task in made if task.id not in dropped]
        _begin_in_full(made)
    kept = {task.id for task in made}
    episodes = [replace(one, tasks=tuple(i for i in one.tasks if i in kept)) for one in lives.told()]
    return Estate(tuple(made), tuple(one for one in episodes if one.tasks))


def _begin_in_full(tasks: Sequence[Task]) -> None:
    """Makes the first backup of each resource a full one, where the one before it was dropped."""
    seen: set[str] = set()
    for task in tasks:
        is_done = task.operation_type == "backup" and task.outcome == "success"
        if is_done and task.resource is not None and task.resource["id"] not in seen:
            seen.add(task.resource["id"])
            task.blocks["backup"]["incremental"] = False
