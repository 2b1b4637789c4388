"""Queries on the tables for later steps of a load: tasks to follow, stored times, quarantined records."""

from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from cbr_warehouse.contract.api_facts import TERMINAL_STATUSES
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.storage.layout import DAY_PREFIX, UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.engine import open_shared_engine, parquet, reading_tables
from cbr_warehouse.tables.task_times import COLUMNS, TimeIndex

_FIRST_TIME = "least(created_at, started_at, updated_at)"
_LAST_TIME = f"""
    CASE WHEN ended_at IS NOT NULL OR status IN {TERMINAL_STATUSES}
         THEN greatest(created_at, started_at, ended_at, updated_at) END"""


def tasks_to_follow(directory: DataDirectory, source: str, settled_before: datetime) -> dict[str, date]:
    """Tasks that are open, or ended too recently to be settled.

    Args:
        directory: The data directory.
        source: Name of the source.
        settled_before: Tasks that ended before this instant are settled.

    Returns:
        Their ids, with the UTC day on which each was created.
    """
    files = directory.partitions(TASKS.table, source)
    if not files:
        return {}
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        rows = engine.execute(
            f"""
            SELECT task_id, created_at::DATE FROM {parquet(files)}
            WHERE CASE WHEN ended_at IS NULL THEN coalesce(status, '') NOT IN (SELECT unnest($terminal))
                       ELSE ended_at >= $settled END""",
            {"terminal": list(TERMINAL_STATUSES), "settled": settled_before},
        ).fetchall()
    return dict(rows)


def read_time_index(directory: DataDirectory, source: str, since: date) -> TimeIndex:
    """Reads the times of all stored tasks created on a day or later, and the quarantined records.

    Args:
        directory: The data directory.
        source: Name of the source.
        since: The first UTC day.

    Returns:
        The times of each candidate column, sorted, and quarantined records by day.
    """
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        tasks = _since(directory.partitions(TASKS.table, source), since)
        times = {column: _sorted_micros(engine, tasks, column) for column in COLUMNS}
        firsts, lasts = (_sorted_micros(engine, tasks, time) for time in (_FIRST_TIME, _LAST_TIME))
        broken = _since(directory.partitions("quarantine", source), since)
        quarantined = _not_held(engine, tasks, broken) if broken else {}
        by_day = {date.fromisoformat(day): count for day, count in quarantined.items()}
        return TimeIndex(times, firsts, lasts, by_day)


def count_quarantined(directory: DataDirectory, source: str) -> int:
    """Number of a source's quarantined records, of any day, whose task is stored in no version."""
    broken = directory.partitions("quarantine", source)
    if not broken:
        return 0
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        rows = _not_held(engine, directory.partitions(TASKS.table, source), broken)
    return sum(rows.values())


def count_undated(directory: DataDirectory, source: str) -> int:
    """Number of them without a usable created_at: the source may count these on any day."""
    partition = directory.partition("quarantine", source, UNKNOWN_DAY)
    if not partition.is_file():
        return 0
    with open_shared_engine(directory.root) as engine, reading_tables(directory):
        rows = _not_held(engine, directory.partitions(TASKS.table, source), [partition])
    return sum(rows.values())


def _since(partitions: list[Path], since: date) -> list[Path]:
    days = ((path, path.parent.name.removeprefix(DAY_PREFIX)) for path in partitions)
    return [path for path, day in days if since.isoformat() <= day < UNKNOWN_DAY]


def _sorted_micros(engine: duckdb.DuckDBPyConnection, files: list[Path], time: str) -> NDArray[np.int64]:
    if not files:
        return np.array([], np.int64)
    query = f"SELECT epoch_us({time}) AS t FROM {parquet(files)} WHERE t IS NOT NULL ORDER BY t"
    return np.asarray(engine.execute(query).fetchnumpy()["t"], np.int64)


def _not_held(engine: duckdb.DuckDBPyConnection, tasks: list[Path], broken: list[Path]) -> dict[str, int]:
    """Number of quarantined records whose task is stored in no version, by UTC day or ``unknown``."""
    held = f"SELECT task_id FROM {parquet(tasks)}" if tasks else "SELECT NULL::VARCHAR WHERE false"
    rows = engine.execute(
        f"""
        SELECT day, count(DISTINCT coalesce(task_id, record_text)) FROM {parquet(broken)}
        WHERE task_id IS NULL OR task_id NOT IN ({held}) GROUP BY day"""
    ).fetchall()
    return {day: int(count) for day, count in rows}
