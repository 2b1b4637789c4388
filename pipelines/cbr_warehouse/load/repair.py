"""Damaged and missing raw files: found, set aside, and their days read again from the source.

That no table shrinks meanwhile is the responsibility of ``tables``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import start_of
from cbr_warehouse.errors import StorageError
from cbr_warehouse.extract.plan import Plan, Purpose
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.raw.damage import (
    DamagedFile,
    find_damaged,
    newly_gone,
    note_gone,
    require_deep_load,
    set_aside,
)
from cbr_warehouse.raw.inventory_damage import find_damaged_inventory, find_gone_inventory
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    AuditFindings,
    check_ledgers,
    read_audits,
    read_edited_at,
    read_hidden_providers,
    verify_folded_ledgers,
    write_audit,
)
from cbr_warehouse.raw.stored_records import count_missing
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.build_state import gone_record_files


@dataclass(frozen=True)
class Damage:
    """Damaged and missing raw files of a source.

    Attributes:
        set_aside: Days to read again, because files of theirs were set aside or are missing.
        beyond_reach: Damaged files left in their place, because the source no longer serves their days.
    """

    set_aside: tuple[str, ...] = ()
    beyond_reach: tuple[DamagedFile, ...] = ()


def find_and_set_aside(
    directory: DataDirectory, source: str, load_id: str, plan: Plan, clock: SourceClock
) -> Damage:
    """Finds damaged and missing raw files; the days that can be read again become unverified.

    A deep load verifies the checksums of all files, any other those of the days that its plan reads.
    The ledger is written first: a load killed in between leaves days to read again, never days that
    look complete and are not. A damaged file of a day that the source no longer serves stays in its
    place, since nothing would replace it.

    Args:
        directory: The data directory.
        source: Name of the source, whose lock the caller holds.
        load_id: The load that looks.
        plan: What the load is going to read.
        clock: The clock that the source confirms.

    Raises:
        DamagedFileError: A folded ledger is damaged; a deep load verifies them.
        StorageError: A file can be neither read nor moved.
    """
    if plan.purpose is Purpose.DEEP:
        verify_folded_ledgers(directory, source)
    days = directory.days(source)
    reached = [day for day in days if _is_within(day, plan)]
    damaged = find_damaged(directory, source, days if plan.purpose is Purpose.DEEP else reached)
    within = [one for one in damaged if one.day in reached]
    gone = {day: names for day in reached if (names := gone_record_files(directory, source, day))}
    _mark_unverified(directory, source, load_id, {one.day for one in within} | set(gone), clock)
    if UNKNOWN_DAY in {one.day for one in within} | {day for day, _ in newly_gone(directory, source, gone)}:
        # A record without a usable created_at may come with any window: all of them are read.
        require_deep_load(directory, source)
    new = note_gone(directory, source, gone)
    set_aside(directory, source, within)
    beyond = tuple(one for one in damaged if one not in within)
    return Damage(tuple(sorted({one.day for one in within} | new)), beyond)


def refuse_damaged(
    directory: DataDirectory, sources: Collection[str], runner: ShareRunner = IN_PROCESS
) -> None:
    """Fails if a raw file or ledger is damaged; for commands that cannot read it again from the source.

    Args:
        directory: The data directory.
        sources: The sources whose files are read.
        runner: Reads those of each source.

    Raises:
        StorageError: A raw file or a ledger is damaged.
    """
    found = list(runner.run(partial(_damaged_paths, directory), list(sources)))
    paths = [path for records, _ in found for path in records]
    paths += [path for _, inventory in found for path in inventory]
    if paths:
        more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
        raise StorageError(
            f"{paths[0]}{more}: is damaged: its content does not match its checksum. Nothing was "
            "changed. Restore it from a backup, or run 'cbr-warehouse load', which reads again what the "
            "source still serves."
        )


def _damaged_paths(directory: DataDirectory, source: str) -> tuple[list[Path], list[Path]]:
    """The damaged files of records and manifests of a source, and those of its inventory."""
    check_ledgers(directory, source)
    damaged = find_damaged(directory, source, directory.raw_days(source))
    return [one.path for one in damaged], list(find_damaged_inventory(directory, source))


def refuse_missing(
    directory: DataDirectory, sources: Collection[str], runner: ShareRunner = IN_PROCESS
) -> None:
    """Fails if files of records that the ledgers list are missing; for commands that would publish less.

    Days with files set aside are left out: the load that set them aside reported them.

    Args:
        directory: The data directory.
        sources: The sources that are looked at.
        runner: Looks at each source.

    Raises:
        StorageError: Records are missing.
    """
    for _ in runner.run(partial(_refuse_missing, directory), list(sources)):
        pass


def _refuse_missing(directory: DataDirectory, source: str) -> None:
    missing = count_missing(directory, source)
    if missing:
        raise StorageError(
            f"{directory.raw_ledger('records', source)}: {sum(missing.values()):,} records of "
            f"{', '.join(missing)} are missing: the ledgers list them, but their files are gone. "
            "Nothing was changed. Restore them from a backup, or run 'cbr-warehouse load', which reads "
            "again what the source still serves."
        )
    if gone := find_gone_inventory(directory, source):
        raise StorageError(
            f"{gone[0]}: is gone, and the ledger of inventories lists it. Nothing was changed. Restore "
            "it from a backup, or run 'cbr-warehouse load', which asks for the inventory again."
        )


def _is_within(day: str, plan: Plan) -> bool:
    if day == UNKNOWN_DAY:
        return True
    start = start_of(date.fromisoformat(day))
    return start >= plan.since and (plan.until is None or start < plan.until)


def _mark_unverified(
    directory: DataDirectory, source: str, load_id: str, days: Iterable[str], clock: SourceClock
) -> None:
    audits = read_audits(directory, source, clock.confirmed_now())
    entries = []
    for day in (date.fromisoformat(text) for text in sorted(days) if text != UNKNOWN_DAY):
        known = audits.get(day)
        if known is not None and known.state in {DayState.UNVERIFIED, DayState.INCOMPLETE}:
            # It is read again, at once, and keeps its verdict.
            entries.append(replace(known, asked_at=None, asks=0))
            continue
        entries.append(
            AuditEntry(
                day,
                known.counted if known else None,
                known.expired if known else 0,
                DayState.UNVERIFIED.value,
                known.checked_at if known else None,
                DayReason.DAMAGED_RAW.value,
            )
        )
    if not entries:
        return
    hidden = read_hidden_providers(directory, source)
    # Sorts before the load's own findings, which have the later state of these days.
    write_audit(
        directory,
        source,
        f"{load_id}-damage",
        AuditFindings(
            tuple(entries),
            (),
            hidden,
            clock.now(),
            clock.is_confirmed,
            read_edited_at(directory, source),
        ),
    )
