"""What a load does about raw files that are damaged or gone: what the source still has is fetched again.

That no table shrinks meanwhile is the business of ``tables``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import start_of
from cbr_warehouse.errors import StorageError
from cbr_warehouse.extract.plan import Plan, Purpose
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.raw.damage import DamagedFile, find_damaged, note_gone, set_aside
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    AuditFindings,
    check_ledgers,
    read_audits,
    read_hidden_providers,
    write_audit,
)
from cbr_warehouse.raw.stored_records import count_missing
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.build_state import gone_record_files


@dataclass(frozen=True)
class Damage:
    """What was found damaged.

    Attributes:
        set_aside: Days of the files that were set aside, or found gone, to be asked for again.
        beyond_reach: Files left in their place, because the source serves their days no more.
    """

    set_aside: tuple[str, ...] = ()
    beyond_reach: tuple[DamagedFile, ...] = ()


def find_and_set_aside(
    directory: DataDirectory, source: str, load_id: str, plan: Plan, clock: SourceClock
) -> Damage:
    """Finds what is damaged or gone of raw; the days of what is within reach count as unproven from then on.

    A deep load looks at all files, any other at those of the days that its plan looks at: a load's
    work does not grow with the years held. The ledger is written first: a load killed in between
    leaves days to be asked for again, never days that look complete and are not. Of a file beyond
    reach nothing could be fetched again. It stays where it is.

    Raises:
        StorageError: A file can be neither read nor moved.
    """
    days = directory.days(source)
    reached = [day for day in days if _is_within(day, plan)]
    damaged = find_damaged(directory, source, days if plan.purpose is Purpose.DEEP else reached)
    within = [one for one in damaged if one.day in reached]
    gone = {day: names for day in reached if (names := gone_record_files(directory, source, day))}
    new = note_gone(directory, source, gone)
    _doubt(directory, source, load_id, {one.day for one in within} | set(gone), clock)
    set_aside(directory, source, within)
    beyond = tuple(one for one in damaged if one not in within)
    return Damage(tuple(sorted({one.day for one in within} | new)), beyond)


def refuse_damaged(directory: DataDirectory, sources: Collection[str]) -> None:
    """For who can fetch nothing again.

    Raises:
        StorageError: Raw holds a damaged file, or a ledger is damaged.
    """
    for source in sources:
        check_ledgers(directory, source)
    damaged = [
        one for source in sources for one in find_damaged(directory, source, directory.raw_days(source))
    ]
    if damaged:
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        raise StorageError(
            f"{damaged[0].path}{more}: is damaged: its content is not what its checksum says. Nothing was "
            "changed. Restore it from a backup, or run 'cbr-warehouse load', which fetches again what the "
            "source still has."
        )


def refuse_missing(directory: DataDirectory, sources: Iterable[str]) -> None:
    """For who would publish less for it: records that raw tells of and does not hold.

    Of days with files set aside, the load that did so has told it.

    Raises:
        StorageError: Raw misses records.
    """
    for source in sources:
        missing = count_missing(directory, source)
        if missing:
            raise StorageError(
                f"{directory.raw_ledger('records', source)}: lacks {sum(missing.values()):,} records that "
                f"the manifests of {', '.join(missing)} name: files are gone. Nothing was changed. Restore "
                "them from a backup, or run 'cbr-warehouse load', which fetches again what the source still "
                "has."
            )


def _is_within(day: str, plan: Plan) -> bool:
    if day == UNKNOWN_DAY:
        return True
    start = start_of(date.fromisoformat(day))
    return start >= plan.since and (plan.until is None or start < plan.until)


def _doubt(
    directory: DataDirectory, source: str, load_id: str, days: Iterable[str], clock: SourceClock
) -> None:
    audits = read_audits(directory, source, clock.confirmed_now())
    entries = []
    for day in (date.fromisoformat(text) for text in sorted(days) if text != UNKNOWN_DAY):
        known = audits.get(day)
        if known is not None and known.state in {DayState.UNVERIFIED, DayState.INCOMPLETE}:
            continue  # it is asked for as it is
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
    # Its name comes before that of the load's own findings, which say what became of these days.
    write_audit(
        directory,
        source,
        f"{load_id}-damage",
        AuditFindings(tuple(entries), (), hidden, clock.now(), clock.is_confirmed),
    )
