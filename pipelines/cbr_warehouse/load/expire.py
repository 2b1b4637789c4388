"""Removes days older than ``keep``: from raw and tables; publication then removes them from the warehouse.

A day goes whole, and with all days that share a moved task with it. It is noted with what was held of it
before anything is removed: killed at any step, the next maintenance goes on, and a load in between makes the
tables of what raw has.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_directory
from cbr_warehouse.raw.inventory import read_noted_snapshots
from cbr_warehouse.raw.inventory_removal import remove_inventories, remove_unnoted_sightings
from cbr_warehouse.raw.ledger_entries import RemovedDay
from cbr_warehouse.raw.ledgers import read_loads_summary
from cbr_warehouse.raw.removed_days import read_removed_days, remove_raw_day, write_removed_days
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.build_state import (
    BROKEN,
    PartitionState,
    read_moved,
    read_state,
    rows_made,
    write_state,
)
from cbr_warehouse.tables.stored_tasks import quarantined_by_day


def expired_days(
    directory: DataDirectory, source: str, keep: timedelta | None, now: datetime
) -> tuple[date, ...]:
    """Days of a source that are over for longer than they are kept, in order.

    The present is that of the newest load that its source confirmed, if this machine's clock is ahead of it.

    Args:
        directory: The data directory.
        source: Name of the source.
        keep: How long tasks are kept by created_at; None for ever.
        now: The present by this machine's clock, UTC.

    Returns:
        The days. Records without a usable created_at are never among them, nor days that share a moved task
        with one that is kept, nor days whose tables are not made.
    """
    newest = None if keep is None else read_loads_summary(directory, source).newest_timed
    moved = read_moved(directory, source)
    if keep is None or newest is None or moved is None:
        return ()
    kept_from = day_of(min(now, newest.finished_at or newest.started_at) - keep).isoformat()
    begun = {day.isoformat() for day in read_removed_days(directory, source)}
    with_raw = set(directory.raw_days(source))
    old = {day for day in with_raw | begun if day != UNKNOWN_DAY and day < kept_from}
    due = {day for day in old if _is_due(read_state(directory, source, day), day in with_raw, day in begun)}
    return tuple(date.fromisoformat(day) for day in sorted(due - moved.tied_to(with_raw - due)))


def expire_inventories(directory: DataDirectory, source: str, keep: timedelta | None, now: datetime) -> None:
    """Removes the inventories of a source that are older than they are kept, and what no inventory has.

    The newest one is kept however old it is: it says what there is.

    Args:
        directory: The data directory.
        source: Name of the source, whose lock the caller holds.
        keep: How long inventories are kept; None for ever.
        now: The present by this machine's clock, UTC.

    Raises:
        StorageError: A file could not be removed or written; the next maintenance goes on.
    """
    noted = read_noted_snapshots(directory, source)
    if not noted:
        return
    remove_unnoted_sightings(directory, source)
    if keep is None:
        return
    present = min(now, noted[-1].fetched_at)
    kept = next(one for one in noted if one.fetched_at >= present - keep or one is noted[-1])
    if kept is not noted[0]:
        remove_inventories(directory, source, kept.load_id)


def _is_due(state: PartitionState | None, has_raw: bool, is_begun: bool) -> bool:
    """Whether a day is as a load made it, or as an interrupted removal left it."""
    is_broken = state is not None and state.fingerprint == BROKEN
    return (is_begun and (has_raw or is_broken)) or (has_raw and state is not None and not is_broken)


def expire(context: LoadContext, source: str, days: Sequence[date]) -> None:
    """Removes days of a source from raw and tables.

    Args:
        context: The dependencies of a load.
        source: Name of the source, whose lock the caller holds.
        days: The days, as of ``expired_days``.

    Raises:
        StorageError: A file could not be removed or written; the next maintenance goes on.
    """
    if not days:
        return
    directory = context.directory
    with hold_directory(context, f"removal of old days of {source}"):
        write_removed_days(directory, source, context.clock(), _held(directory, source, days))
        for day in days:
            # Not what it was made from: without this, raw files that are gone would count as lost.
            write_state(directory, source, day.isoformat(), PartitionState(BROKEN, (), {}))
            remove_raw_day(directory, source, day)
        make_tables(directory, source, context.contract)


def _held(directory: DataDirectory, source: str, days: Sequence[date]) -> list[RemovedDay]:
    """What is held of each day, or was before a removal that was interrupted."""
    quarantined = quarantined_by_day(directory, source, [day.isoformat() for day in days])
    before = read_removed_days(directory, source)
    found = []
    for day in days:
        past = before[day][0] if day in before else RemovedDay(day, 0, 0)
        held = rows_made(directory, source, day.isoformat()).get("tasks", 0)
        in_quarantine = quarantined.get(day.isoformat(), 0)
        found.append(RemovedDay(day, max(held, past.held), max(in_quarantine, past.quarantined)))
    return found
