"""How long after its end a task may still change: as configured, else as measured. Pure.

The measurement is ``analytics.lateness``, measure ``settled``, which deep loads take and note in their
audit. Deep loads read the whole horizon whatever ``settle`` is, so a short one hides no late change
from the next measurement.
"""

from dataclasses import dataclass
from datetime import timedelta

from cbr_warehouse.raw.ledgers import LatenessFinding
from cbr_warehouse.settings.durations import print_duration

DEFAULT = timedelta(hours=48)
"""Where nothing is configured and too little is measured."""

LEAST = timedelta(hours=24)
"""A measured value below it counts as this much."""

MOST = timedelta(days=7)
"""A measured value above it counts as this much: every load reads what ended within it again."""

LEAST_TASKS = 1000
"""Minimum number of tasks that a measurement needs."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Settle:
    """How long after its end a task may still change.

    Attributes:
        duration: The duration.
        reason: Where it comes from: a sentence.
    """

    duration: timedelta
    reason: str


def choose_settle(configured: timedelta | None, measured: LatenessFinding | None) -> Settle:
    """The configured duration; else the measured one, within bounds; else the default.

    Args:
        configured: The setting ``settle`` of the source; None if it is not set.
        measured: What the last deep load measured; None if nothing was watched long enough.
    """
    if configured is not None:
        return Settle(configured, "as configured.")
    if measured is None or measured.seconds is None:
        return Settle(DEFAULT, "the default: no task was watched by loads for long enough to measure it.")
    if measured.tasks < LEAST_TASKS:
        return Settle(
            DEFAULT,
            f"the default: {_count(measured.tasks)} watched by loads for long enough to measure it, and "
            f"{LEAST_TASKS:,} are needed.",
        )
    duration = _HOUR * -(-measured.seconds // 3600)
    found = (
        f"measured on {measured.measured_at:%Y-%m-%d} from {measured.tasks:,} tasks, of which "
        f"{measured.late:,} appeared late or changed after their end; 99.99 % of all had come to rest within "
        f"{print_duration(duration)}"
    )
    if duration > MOST:
        return Settle(MOST, f"{found}. More than {print_duration(MOST)} is left to the daily deep load.")
    if duration < LEAST:
        return Settle(LEAST, f"{found}. It is never less than {print_duration(LEAST)}.")
    return Settle(duration, f"{found}.")


def _count(tasks: int) -> str:
    return "one task was" if tasks == 1 else f"{tasks:,} tasks were"
