"""Follows stored tasks that may still change and that no sweep returned: by id, else by the list.

A source may refuse to show a task by id, or answer 404 although its list has the task. So the days on
which such tasks were created are listed too, before a task counts as gone.
"""

from collections.abc import Callable, Mapping
from datetime import date

from cbr_warehouse.extract.day_windows import day_window
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.sweep_runner import SweepRunner


def follow_tasks(
    runner: SweepRunner, followed: Mapping[str, date], progress: Callable[[int], None]
) -> tuple[str, ...]:
    """Requests the followed tasks that no sweep returned.

    Args:
        runner: Makes the load's requests; its landing watches the tasks.
        followed: Ids of the tasks, with the UTC day on which each was created.
        progress: Called with the number of records of each page.

    Returns:
        Ids of the tasks that the source no longer has, neither by id nor in the list, sorted.

    Raises:
        SourceError: The source failed.
    """
    unknown = runner.show_all(runner.landing.unseen(followed))
    unseen = runner.landing.unseen(followed)
    runner.sweep_all(
        (
            Sweep(day_window(day), "tasks not available by id")
            for day in sorted({followed[task_id] for task_id in unseen})
        ),
        progress,
    )
    return tuple(sorted(set(unknown).intersection(runner.landing.unseen(followed))))
