"""Follows stored tasks that may have changed and that no sweep returned.

They are read by windows where several were created near each other, else by id. A source may refuse to
show a task by id, or answer 404 although its list has the task. So the days on which such tasks were
created are listed too, before a task counts as gone.
"""

from collections.abc import Callable, Mapping

from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.extract.day_windows import PAD, day_window
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.settle_schedule import open_task_windows, task_windows
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.stored_tasks import FollowedTask

OPEN_REASON = "tasks that were open, which no query by status returned"
SETTLE_REASON = "tasks that may have changed since their end, read again by their age"


def follow_tasks(
    runner: SweepRunner, followed: Mapping[str, FollowedTask], progress: Callable[[int], None]
) -> tuple[str, ...]:
    """Requests the followed tasks that no sweep returned.

    Args:
        runner: Makes the load's requests; its landing watches the tasks.
        followed: The tasks, by id.
        progress: Called with the number of records of each page.

    Returns:
        Ids of the tasks that the source no longer has, neither by id nor in the list, sorted.

    Raises:
        SourceError: The source failed.
    """
    _read_ended(runner, followed, progress)
    _read_open(runner, followed, progress)
    unknown = runner.show_all(runner.landing.unseen(followed))
    unseen = runner.landing.unseen(followed)
    runner.sweep_all(
        (
            Sweep(day_window(day), "tasks not available by id")
            for day in sorted({day_of(followed[task_id].created_at) for task_id in unseen})
        ),
        progress,
    )
    return tuple(sorted(set(unknown).intersection(runner.landing.unseen(followed))))


def _read_open(
    runner: SweepRunner, followed: Mapping[str, FollowedTask], progress: Callable[[int], None]
) -> None:
    """Reads open tasks by windows where many were created near each other."""
    still_open = {task_id: task for task_id, task in followed.items() if task.is_open}
    windows = open_task_windows(still_open[task_id] for task_id in runner.landing.unseen(still_open))
    runner.sweep_all([Sweep(window, OPEN_REASON) for window in windows], progress)


def _read_ended(
    runner: SweepRunner, followed: Mapping[str, FollowedTask], progress: Callable[[int], None]
) -> None:
    """Reads tasks that have ended by few windows; where these do not have them, by one without an end."""
    ended = {task_id: task for task_id, task in followed.items() if not task.is_open}
    sought = runner.landing.unseen(ended)
    windows = task_windows(ended[task_id] for task_id in sought)
    if not windows:
        return
    runner.sweep_all([Sweep(window, SETTLE_REASON) for window in windows], progress)
    missing = runner.landing.unseen(ended)
    if 2 * len(missing) > len(sought):
        # The filter applies to another time of a task than its creation or start.
        begin = min(ended[task_id].created_at for task_id in missing) - PAD
        runner.sweep_all([Sweep(TaskQuery(start_time=begin), SETTLE_REASON)], progress)
