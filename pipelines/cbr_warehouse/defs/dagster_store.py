"""Removal of what is old from Dagster's own store: runs with their events and logs, and results of checks.

Dagster keeps all of it for ever, and has no setting for it but that of ticks. What is removed is only of
the jobs and assets of this code location: other runs of the deployment are left to their owners. The newest
record of each partition stays, since Dagster shows by it which days were loaded; so does the newest result
of each check.

Deleting a run by Dagster's own function would delete these as well, and leave an empty file for each run. The
tables are therefore those of Dagster's storage classes, the same for SQLite and PostgreSQL.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from cbr_warehouse.defs.unfinished_runs import ENDED

if TYPE_CHECKING:
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

_BATCH = 500
_VACUUM_FROM_BYTES = 16 << 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Removed:
    """What was removed from the store.

    Attributes:
        runs: Number of runs.
        records: Number of their records of assets and checks; the rest of their events is not counted.
    """

    runs: int = 0
    records: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(self.runs + other.runs, self.records + other.records)


def remove_old(
    instance: dg.DagsterInstance, before: datetime, is_own: Callable[[dg.DagsterRun], bool]
) -> Removed:
    """Removes finished runs that ended before a time, and everything that belongs to them.

    Args:
        instance: The instance.
        before: What is older is removed, UTC.
        is_own: Whether a run is of this code location.
    """
    total = Removed()
    for batch in _batches(instance, before, is_own):
        total += _remove_runs(instance, batch)
    compact_files(Path(instance.root_directory))
    return total


def compact_files(home: Path) -> None:
    """Gives the space of removed rows back to the disk, where it is most of a file of SQLite.

    Args:
        home: The directory of the instance; the files of another storage are not there.
    """
    for name in ("history/runs/index.db", "history/runs.db", "schedules/schedules.db"):
        path = home / name
        if not path.is_file() or path.stat().st_size < _VACUUM_FROM_BYTES:
            continue
        try:
            with closing(sqlite3.connect(path, timeout=60)) as connection:
                (free,), (pages,) = (
                    connection.execute(f"PRAGMA {name}").fetchone()
                    for name in ("freelist_count", "page_count")
                )
                if free > pages // 2:
                    connection.execute("VACUUM")
        except sqlite3.OperationalError as error:  # in use; the free space is filled again meanwhile
            logger.info("%s: not compacted now (%s).", path, error)


def _batches(
    instance: dg.DagsterInstance, before: datetime, is_own: Callable[[dg.DagsterRun], bool]
) -> Iterator[list[str]]:
    """Ids of old runs of this code location; each batch is removed before the next is read."""
    cursor: str | None = None
    while True:
        filters = dg.RunsFilter(statuses=ENDED, updated_before=before)
        runs = instance.get_runs(filters, limit=_BATCH, cursor=cursor, ascending=True)
        if own := [run.run_id for run in runs if is_own(run)]:
            yield own
        foreign = [run.run_id for run in runs if run.run_id not in own]
        if len(runs) < _BATCH:
            return
        # A cursor must exist: the newest run that stays is where the next batch begins.
        cursor = foreign[-1] if foreign else cursor


def _remove_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> Removed:
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    storage = instance.event_log_storage
    records = _remove_records(storage, run_ids) if isinstance(storage, SqlEventLogStorage) else 0
    _remove_tags(instance, run_ids)
    for run_id in run_ids:
        if isinstance(storage, SqlEventLogStorage):
            storage.free_concurrency_slots_for_run(run_id)
            _remove_shard(storage, run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.run_storage.delete_run(run_id)  # last: what is interrupted is found again
    return Removed(len(run_ids), records)


def _remove_tags(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Removes the tags of runs, which SQLite does not remove with them."""
    from dagster._core.storage.runs.schema import RunTagsTable
    from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

    if isinstance(instance.run_storage, SqlRunStorage):
        with instance.run_storage.connect() as connection:
            connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id.in_(run_ids)))


def _remove_records(storage: "SqlEventLogStorage", run_ids: Sequence[str]) -> int:
    """Removes the events of runs and the results of checks, but the newest of each partition and check."""
    import sqlalchemy as db
    from dagster._core.storage.event_log.schema import (
        AssetCheckExecutionsTable as Checks,
    )
    from dagster._core.storage.event_log.schema import (
        AssetEventTagsTable as Tags,
    )
    from dagster._core.storage.event_log.schema import (
        SqlEventLogStorageTable as Events,
    )

    recorded = dg.DagsterEventType.ASSET_MATERIALIZATION.value
    newest_events = (
        db.select(db.func.max(Events.c.id))
        .where(Events.c.dagster_event_type == recorded)
        .group_by(Events.c.asset_key, Events.c.partition)
    )
    newest_checks = db.select(db.func.max(Checks.c.id)).group_by(Checks.c.asset_key, Checks.c.check_name)
    with storage.index_connection() as connection:
        kept = {row[0] for row in connection.execute(newest_events)}
        found = connection.execute(db.select(Events.c.id).where(Events.c.run_id.in_(run_ids)))
        gone = [row[0] for row in found if row[0] not in kept]
        for start in range(0, len(gone), _BATCH):
            ids = gone[start : start + _BATCH]
            connection.execute(Tags.delete().where(Tags.c.event_id.in_(ids)))
            connection.execute(Events.delete().where(Events.c.id.in_(ids)))
        kept = {row[0] for row in connection.execute(newest_checks)}
        found = connection.execute(db.select(Checks.c.id).where(Checks.c.run_id.in_(run_ids)))
        stale = [row[0] for row in found if row[0] not in kept]
        for start in range(0, len(stale), _BATCH):
            connection.execute(Checks.delete().where(Checks.c.id.in_(stale[start : start + _BATCH])))
    return len(gone) + len(stale)


def _remove_shard(storage: "SqlEventLogStorage", run_id: str) -> None:
    """Removes the file that SQLite has for each run; another storage has none."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    if isinstance(storage, SqliteEventLogStorage):
        path = Path(storage.path_for_shard(run_id))
        for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            file.unlink(missing_ok=True)
