"""Removal of old ticks of schedules and sensors from Dagster's own store, and of their logs.

Dagster removes ticks by its settings, but never their logs: a file for each tick, mostly empty. A sensor
that looks every ten seconds leaves three million a year.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from dagster._core.storage.compute_log_manager import ComputeIOType

STALE_SKIPS = timedelta(days=1)
"""How long ticks that started nothing are kept: a sensor has thousands of them a day."""


def remove_old_ticks(
    instance: dg.DagsterInstance, names: frozenset[str], before: datetime, location: str | None = None
) -> int:
    """Removes old ticks of schedules and sensors; of those that started nothing, all but the newest day's.

    Args:
        instance: The instance.
        names: Names of the schedules and sensors.
        before: What is older is removed, UTC.
        location: Name of this code location, since others may have some of these names; None if not known.

    Returns:
        How many logs of ticks were removed.
    """
    named = [state for state in instance.all_instigator_state() if state.instigator_name in names]
    for state in named:
        if (
            location is not None
            and state.origin.repository_origin.code_location_origin.location_name != location
        ):
            continue
        origin, selector = state.instigator_origin_id, state.selector_id
        instance.purge_ticks(origin, selector, before.timestamp())
        skips = max(before, _now() - STALE_SKIPS)
        instance.purge_ticks(origin, selector, skips.timestamp(), [TickStatus.SKIPPED])
    folders = {(state.origin.repository_origin.repository_name, state.instigator_name) for state in named}
    return sum(_remove_logs(instance, folder, named) for folder in sorted(folders))


def _remove_logs(
    instance: dg.DagsterInstance, folder: tuple[str, str], states: Iterable[InstigatorState]
) -> int:
    """Removes the logs of ticks that do not exist any more, whatever removed them."""
    try:
        # Before the ticks are read: one that begins meanwhile has its log in neither.
        keys = instance.compute_log_manager.get_log_keys_for_log_key_prefix([*folder], ComputeIOType.STDERR)
    except (
        NotImplementedError,
        FileNotFoundError,
    ):  # of a manager that cannot list, or before the first tick
        return 0
    # Code locations with a repository of this name share the folder.
    present = {
        str(tick.tick_id)
        for state in states
        if state.instigator_name == folder[1]
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
    }
    gone = [key for key in keys if key[-1] not in present]
    for key in gone:
        instance.compute_log_manager.delete_logs(log_key=key)
    return len(gone)


def _now() -> datetime:
    from dagster._time import get_current_datetime

    return get_current_datetime()
