"""Tasks that no window shows: those without the time that windows filter by, and long ones.

Should ``start_time`` apply to started_at, a task that was skipped and so never started is in no
window and in no difference of counts. Two counts, with and without a time, show how many such tasks
there are. Should a window leave out a task that reaches beyond its end, counts show it missing; where
the source gives no counts, a deep load reads everything once without any time.
"""

from collections.abc import Callable

from cbr_warehouse.contract.api_facts import EARLIEST, NEVER_STARTED_STATUSES
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.source.query import TaskQuery


def sweep_unwindowed(runner: SweepRunner, plan: Plan, progress: Callable[[int], None]) -> None:
    """Asks for tasks that no window shows, if there are or may be any.

    Args:
        runner: Makes the load's requests.
        plan: The load's plan.
        progress: Called with the number of records of each page.

    Raises:
        SourceError: The source failed.
    """
    everything = runner.count(TaskQuery())
    windowed = runner.count(TaskQuery(start_time=EARLIEST))
    # A count of 1 proves nothing: it may be the number of rows of the page.
    is_counted = everything is not None and windowed is not None and everything > 1
    if is_counted and everything == windowed:
        return
    if plan.purpose is Purpose.DEEP:
        # Once a day without relying on the list of statuses, nor on windows that no count can check.
        sweep = Sweep(TaskQuery(), "tasks without the time that windows filter by, or longer than windows")
    elif is_counted:
        reason = "skipped tasks, which may lack the time that windows filter by"
        sweep = Sweep(TaskQuery(status=NEVER_STARTED_STATUSES[0]), reason, may_be_refused=True)
    elif plan.purpose is Purpose.RANGE:
        sweep = Sweep(
            TaskQuery(start_time=plan.since - PAD), "tasks longer than windows, which no count shows"
        )
    else:
        return
    runner.sweep_all([sweep], progress)
