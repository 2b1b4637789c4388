"""Keeps the files of a source few: folds its ledgers and compacts its raw files of days gone by.

A load does the cheap part of it at its end; ``cbr-warehouse maintain`` does all of it, and removes the days
that are older than they are to be kept.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.utc_days import DAY, day_of, days_between
from cbr_warehouse.load.compact_days import compact_day
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.expire import expire, expire_inventories, expired_days
from cbr_warehouse.load.locks import hold_directory, hold_source
from cbr_warehouse.load.source_state import settle_of
from cbr_warehouse.raw.compaction import Compaction, find_compaction
from cbr_warehouse.raw.damage import KINDS
from cbr_warehouse.raw.fold_ledgers import fold_ledgers, foldable_ledgers
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.storage.atomic_write import find_unfinished, remove_unfinished
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory

logger = logging.getLogger(__name__)

SETTLE = timedelta(hours=48)
"""How long a day is left alone after its end, where no setting of its source says otherwise."""

_REREAD_FOR = RETENTION + 3 * DAY
"""Deep loads leave a file of a day's sightings until then; after that the day gets its last compaction."""

_MOST_RECENT = 16
_MOST_CLOSED = 4
"""Small files of a kind that a load leaves of a day that still changes, and of one that is closed."""

_JOBS_A_LOAD = 2
_BYTES_A_LOAD = 16 * 2**20
"""What a load compacts at most, so that it does not take noticeably longer."""


@dataclass(frozen=True)
class Maintained:
    """What was done, or would be, for one source.

    Attributes:
        source: Its name.
        ledgers: Ledger entries folded.
        files: Raw files that were replaced.
        days: Days that they are of.
        removed: Days that were older than they are to be kept.
        leftovers: Unfinished files and folders removed.
    """

    source: str
    ledgers: int = 0
    files: int = 0
    days: int = 0
    removed: int = 0
    leftovers: int = 0


def tidy_source(context: LoadContext, source: str, now: datetime, settle: timedelta) -> None:
    """Does the cheap part for a source. What prevents it is no failure of the load.

    Args:
        context: The load's dependencies.
        source: Name of the source, whose lock the caller holds.
        now: The present, UTC.
        settle: How long after its end a task may still change.
    """
    directory = context.directory
    try:
        fold_ledgers(directory, source)
        found = sorted(_due_in_a_load(directory, source, now, settle), key=lambda work: -len(work.names))
        for work in found[:_JOBS_A_LOAD]:
            _compact(context, source, work)
    except Exception as error:  # noqa: BLE001  the load is done; what is damaged, the next one reports
        logger.warning("%s: its older files were not compacted (%s)", source, error)


def maintain(
    context: LoadContext,
    sources: Mapping[str, SourceSettings],
    *,
    keep: timedelta | None = None,
    is_dry_run: bool = False,
) -> Iterator[Maintained]:
    """Removes leftovers and old days, folds all older ledgers and compacts all closed days, source by source.

    Of the removed days the published warehouse still has the rows: ``publish_warehouse`` removes them.

    Args:
        context: The dependencies of a load; no source's API is called.
        sources: The settings of the sources, by name. Days of others are closed after 48 hours.
        keep: How long tasks are kept by created_at; None for ever.
        is_dry_run: Whether only to say what there is to do.

    Raises:
        LoadRunningError: A source is being loaded; those before it are done.
        StorageError: A file could not be read or written; every record is still there.
    """
    directory, now = context.directory, context.clock()
    for source in directory.sources_with_raw():
        # Of each source in its turn: a damaged ledger of one must not keep those before it from being done.
        known = sources.get(source)
        settle = SETTLE if known is None else settle_of(directory, known).duration
        closed = _closed_before(now, settle)
        if is_dry_run:
            yield _foresee(directory, source, closed, expired_days(directory, source, keep, now))
            continue
        with hold_source(context, source, f"maintenance of {source}", wait=False):
            expired = expired_days(directory, source, keep, now)
            expire_inventories(directory, source, keep, now)
            yield _maintain_source(context, source, closed, expired)


def _foresee(
    directory: DataDirectory, source: str, closed_before: date, expired: Collection[date]
) -> Maintained:
    gone = {day.isoformat() for day in expired}
    works = [
        work
        for day, kind in _closed(directory, source, closed_before)
        if day not in gone and (work := _find(directory, source, kind, day))
    ]
    return Maintained(
        source,
        sum(map(len, foldable_ledgers(directory, source, at_once=True).values())),
        sum(len(work.names) for work in works),
        len({work.day for work in works}),
        len(gone),
        sum(len(find_unfinished(folder)) for folder in directory.source_folders(source)),
    )


def _maintain_source(
    context: LoadContext, source: str, closed_before: date, expired: Sequence[date]
) -> Maintained:
    directory = context.directory
    leftovers = sum(len(find_unfinished(folder)) for folder in directory.source_folders(source))
    for folder in directory.source_folders(source):
        remove_unfinished(folder)
    expire(context, source, expired)
    ledgers = sum(fold_ledgers(directory, source, at_once=True).values())
    files, days = 0, set()
    for day, kind in _closed(directory, source, closed_before):
        # In several steps where there is much: each leaves fewer files.
        while work := _find(directory, source, kind, day):
            if not _compact(context, source, work):
                break
            files += len(work.names)
            days.add(day)
    return Maintained(source, ledgers, files, len(days), len(expired), leftovers)


def _compact(context: LoadContext, source: str, work: Compaction) -> bool:
    # Publication reads manifests, whose source's lock it does not hold.
    with hold_directory(context, f"compaction of {source}"):
        return compact_day(context.directory, source, work)


def _find(directory: DataDirectory, source: str, kind: str, day: str) -> Compaction | None:
    return find_compaction(directory, source, kind, day, most=1)


def _closed(directory: DataDirectory, source: str, closed_before: date) -> Iterator[tuple[str, str]]:
    for day in directory.raw_days(source):
        if day == UNKNOWN_DAY or date.fromisoformat(day) < closed_before:
            for kind in KINDS:
                yield day, kind


def _due_in_a_load(
    directory: DataDirectory, source: str, now: datetime, settle: timedelta
) -> Iterator[Compaction]:
    """What is worth a load's time. Older days than these have no new files since their last compaction."""
    closed, last_reread = _closed_before(now, settle), day_of(now - _REREAD_FOR)
    days = {day.isoformat(): day for day in days_between(last_reread - 7 * DAY, day_of(now))}
    for name, day in {**days, UNKNOWN_DAY: None}.items():
        most = _MOST_RECENT if day is None or day >= closed else 1 if day < last_reread else _MOST_CLOSED
        for kind in KINDS:
            work = find_compaction(directory, source, kind, name, most, _BYTES_A_LOAD)
            if work is not None:
                yield work


def _closed_before(now: datetime, settle: timedelta) -> date:
    """The first day that may still change by itself."""
    return day_of(now - max(settle, SETTLE))
