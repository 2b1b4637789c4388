"""Follows held tasks that may still change and that no sweep brought: by id, and else by the list.

Where a source refuses to show a task, or says that it has none of that id while its list has it,
the list is asked for the days that these tasks were created on.
"""

from collections.abc import Callable, Mapping
from datetime import date

from cbr_warehouse.extract.plan import Sweep, day_window
from cbr_warehouse.extract.sweep_runner import SweepRunner


def follow_tasks(
    gathering: SweepRunner, followed: Mapping[str, date], progress: Callable[[int], None]
) -> tuple[str, ...]:
    """Asks for the followed tasks that did not come yet.

    Args:
        gathering: The load's asking; its landing watches the tasks.
        followed: The tasks, with the day that each was created on.
        progress: Called with the records each page brought.

    Returns:
        Those that the source no longer has: unknown by id, and in no list.

    Raises:
        SourceError: The source failed.
    """
    unknown = gathering.show_all(gathering.landing.unseen(followed))
    unseen = gathering.landing.unseen(followed)
    gathering.sweep_all(
        (
            Sweep(day_window(day), "tasks that could not be asked for by id")
            for day in sorted({followed[task_id] for task_id in unseen})
        ),
        progress,
    )
    return tuple(sorted(set(unknown).intersection(gathering.landing.unseen(followed))))
