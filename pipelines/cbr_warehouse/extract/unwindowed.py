"""Tasks that no window shows: those without the time that the source's windows go by, and long ones.

Should ``start_time`` apply to started_at, a task that was skipped and so never started is in no
window at all, and in no difference of counts either. How many such tasks there are, two counts
tell. Should a window leave out a task that reaches beyond its end, counts show it missing; where
they tell nothing, a deep load reads everything once without any time.
"""

from collections.abc import Callable

from cbr_warehouse.contract.api_facts import EARLIEST, NEVER_STARTED_STATUSES
from cbr_warehouse.extract.plan import PAD, Plan, Purpose, Sweep
from cbr_warehouse.extract.sweeps import SweepRunner
from cbr_warehouse.source.query import TaskQuery


def sweep_timeless(gathering: SweepRunner, plan: Plan, progress: Callable[[int], None]) -> None:
    """Asks for what no window shows, if there is or may be such a thing.

    Args:
        gathering: The load's asking.
        plan: The load's plan.
        progress: Called with the records each page brought.

    Raises:
        SourceError: The source failed.
    """
    everything = gathering.count(TaskQuery())
    shown = gathering.count(TaskQuery(start_time=EARLIEST))
    tells = everything is not None and shown is not None and everything > 1  # 1 may be the page's own row
    if tells and everything == shown:
        return
    if plan.purpose is Purpose.DEEP:
        # Once a day without trusting a list of statuses, nor windows of which no count tells what they lack.
        sweep = Sweep(TaskQuery(), "tasks without the time that windows go by, or longer than windows")
    elif tells:
        reason = "skipped tasks, which may have no time that windows go by"
        sweep = Sweep(TaskQuery(status=NEVER_STARTED_STATUSES[0]), reason, may_be_refused=True)
    elif plan.purpose is Purpose.RANGE:
        sweep = Sweep(
            TaskQuery(start_time=plan.since - PAD), "tasks longer than windows, which no count shows"
        )
    else:
        return
    gathering.sweep_all([sweep], progress)
