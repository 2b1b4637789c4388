"""Queries on the tables for later steps of a load: tasks to follow, stored times, quarantined records."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from cbr_warehouse.contract.api_facts import TERMINAL_STATUSES
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.timestamps import parse_instant
from cbr_warehouse.contract.utc_days import DAY, day_of, start_of
from cbr_warehouse.storage.files import is_file, size_of
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory, partition_day
from cbr_warehouse.tables.build_state import BROKEN, PartitionState, read_state
from cbr_warehouse.tables.engine import open_shared_engine, parquet, reading_tables
from cbr_warehouse.tables.sorted_times import RUN_TIMES, SortedTimes, TimesWriter
from cbr_warehouse.tables.task_times import COLUMNS, TimeIndex

VERSIONS = "task_versions"

_CREATED_AT = re.compile(r'"created_at"\s*:\s*"([^"]{10,40})"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIRST_TIME = "least(created_at, started_at, updated_at)"
_LAST_TIME = f"""
    CASE WHEN ended_at IS NOT NULL OR status IN {TERMINAL_STATUSES}
         THEN greatest(created_at, started_at, ended_at, updated_at) END"""


@dataclass(frozen=True)
class FollowedTask:
    """A stored task that may have changed.

    Attributes:
        created_at: When it was created, UTC.
        started_at: When it started, UTC; None if it has not.
        is_open: Whether it has not ended.
    """

    created_at: datetime
    started_at: datetime | None
    is_open: bool


def tasks_to_follow(
    directory: DataDirectory, source: str, ended_in: Sequence[tuple[datetime, datetime | None]]
) -> dict[str, FollowedTask]:
    """Tasks that are open, or that ended in one of some spans of time.

    Args:
        directory: The data directory.
        source: Name of the source.
        ended_in: Spans of time, each from its first instant and before its second, or without an end.

    Returns:
        The tasks by id.
    """
    since = min((since for since, _ in ended_in), default=None)
    files = [
        path
        for path in directory.partitions(TASKS.table, source)
        if _may_have_tasks_to_follow(path, read_state(directory, source, partition_day(path)), since)
    ]
    if not files:
        return {}
    within = " OR ".join(
        f"(ended_at >= $since{n} AND ($until{n} IS NULL OR ended_at < $until{n}::TIMESTAMPTZ))"
        for n in range(len(ended_in))
    )
    spans: dict[str, datetime | None] = {f"since{n}": since for n, (since, _) in enumerate(ended_in)}
    spans |= {f"until{n}": until for n, (_, until) in enumerate(ended_in)}
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        rows = engine.execute(
            f"""
            SELECT task_id, created_at, started_at, ended_at IS NULL FROM {parquet(files)}
            WHERE (ended_at IS NULL OR {within or "false"})
              AND (ended_at IS NOT NULL OR coalesce(status, '') NOT IN (SELECT unnest($terminal)))""",
            {"terminal": list(TERMINAL_STATUSES), **spans},
        ).fetchall()
    return {
        task_id: FollowedTask(created_at, started_at, is_open)
        for task_id, created_at, started_at, is_open in rows
    }


def count_edits(directory: DataDirectory, source: str, days: Collection[str], since: datetime) -> int:
    """Number of new versions of tasks that had ended before, in the version before.

    Args:
        directory: The data directory.
        source: Name of the source.
        days: The UTC days to look at.
        since: Versions first seen from here on are new, UTC.
    """
    partitions = [directory.partition(VERSIONS, source, day) for day in days]
    files = [partition for partition in partitions if is_file(partition)]
    if not files:
        return 0
    versions, values = parquet(files), {"since": since}
    renewed = f"FROM {versions} WHERE version > 1 AND first_seen_at >= $since"
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        # A first load has millions of versions and no new one: their ids are not read for that.
        if not _number(engine, f"SELECT count(*) {renewed}", values):
            return 0
        edits = f"""
            SELECT count(*) FILTER (first_seen_at >= $since AND had_ended) FROM (
                SELECT first_seen_at, lag(ended_at IS NOT NULL) OVER task AS had_ended
                FROM {versions} WHERE task_id IN (SELECT task_id {renewed})
                WINDOW task AS (PARTITION BY task_id ORDER BY version))"""
        return _number(engine, edits, values)


def _number(engine: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any]) -> int:
    return int(engine.execute(query, values).fetchall()[0][0])


def read_time_index(directory: DataDirectory, source: str, since: date) -> TimeIndex:
    """Reads the times of all stored tasks created on a day or later, and the quarantined records.

    Args:
        directory: The data directory.
        source: Name of the source.
        since: The first UTC day.

    Returns:
        The times of each candidate column, and quarantined records by day.
    """
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        tasks = directory.partitions(TASKS.table, source, since)
        *times, firsts, lasts = _read_times(engine, tasks, directory.root)
        broken = directory.partitions("quarantine", source, since)
        refused = _refused_times(engine, tasks, broken) if broken else []
        by_day = Counter(time.date() for time in refused)
        micros = sorted((time - _EPOCH) // timedelta(microseconds=1) for time in refused)
        by_column = dict(zip(COLUMNS, times, strict=True))
        return TimeIndex(by_column, firsts, lasts, by_day, SortedTimes.of(np.array(micros, np.int64)))


def count_quarantined(directory: DataDirectory, source: str) -> int:
    """Number of a source's quarantined records, of any day, whose task is stored in no version."""
    broken = directory.partitions("quarantine", source)
    if not broken:
        return 0
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        rows = _not_held(engine, directory.partitions(TASKS.table, source), broken)
    return sum(rows.values())


def quarantined_by_day(directory: DataDirectory, source: str, days: Collection[str]) -> dict[str, int]:
    """Number of them on some days, each ``YYYY-MM-DD``; days without any are left out."""
    broken = [path for day in days if is_file(path := directory.partition("quarantine", source, day))]
    if not broken:
        return {}
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        return _not_held(engine, directory.partitions(TASKS.table, source), broken)


def count_undated(directory: DataDirectory, source: str) -> int:
    """Number of them without a usable created_at: the source may count these on any day."""
    partition = directory.partition("quarantine", source, UNKNOWN_DAY)
    if not is_file(partition):
        return 0
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        rows = _not_held(engine, directory.partitions(TASKS.table, source), [partition])
    return sum(rows.values())


def _may_have_tasks_to_follow(partition: Path, state: PartitionState | None, since: datetime | None) -> bool:
    """Whether tasks in a partition may be open or have ended since then, by the note of its day."""
    if state is None or state.ends is None or TASKS.table not in state.files:
        return True
    if state.fingerprint == BROKEN or state.files[TASKS.table][0] != size_of(partition):
        return True  # not the file that was noted
    latest = state.ends.latest
    return bool(state.ends.without) or (since is not None and latest is not None and latest >= since)


def _read_times(engine: duckdb.DuckDBPyConnection, files: list[Path], folder: Path) -> list[SortedTimes]:
    """The columns, and the first and the last time of each task; the files are opened once."""
    times = (*COLUMNS, _FIRST_TIME, _LAST_TIME)
    writer = TimesWriter(len(times), folder)
    if files:
        columns = ", ".join(f"epoch_us({time}) AS t{number}" for number, time in enumerate(times))
        # Read bit by bit: all at once takes 60 bytes a task.
        for batch in engine.sql(f"SELECT {columns} FROM {parquet(files)}").to_arrow_reader(RUN_TIMES):
            writer.add([own.drop_null().to_numpy() for own in batch.columns], batch.num_rows)
    return writer.finish()


def _refused_times(
    engine: duckdb.DuckDBPyConnection, tasks: list[Path], broken: list[Path]
) -> list[datetime]:
    """The created_at of quarantined records whose task is stored in no version; noon of days without it."""
    held = f"SELECT task_id FROM {parquet(tasks)}" if tasks else "SELECT NULL::VARCHAR WHERE false"
    rows = engine.execute(
        f"""
        SELECT day, min(record_text) FROM {parquet(broken)}
        WHERE task_id IS NULL OR task_id NOT IN ({held}) GROUP BY day, coalesce(task_id, record_text)"""
    ).fetchall()
    times = []
    for text, record in rows:
        day = date.fromisoformat(text)
        # The records break the contract, and some are no JSON: the day says whether this is the time.
        printed = (parse_instant(match) for match in _CREATED_AT.findall(record or ""))
        found = next((time for time in printed if time is not None and day_of(time) == day), None)
        times.append(found or start_of(day) + DAY / 2)
    return times


def _not_held(engine: duckdb.DuckDBPyConnection, tasks: list[Path], broken: list[Path]) -> dict[str, int]:
    """Number of quarantined records whose task is stored in no version, by UTC day or ``unknown``."""
    held = f"SELECT task_id FROM {parquet(tasks)}" if tasks else "SELECT NULL::VARCHAR WHERE false"
    rows = engine.execute(
        f"""
        SELECT day, count(DISTINCT coalesce(task_id, record_text)) FROM {parquet(broken)}
        WHERE task_id IS NULL OR task_id NOT IN ({held}) GROUP BY day"""
    ).fetchall()
    return {day: int(count) for day, count in rows}
