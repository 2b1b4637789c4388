"""The tables ``loads`` and ``coverage``: what the ledgers of raw say, brought up by the rows that differ."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.columns import Contract, Table
from cbr_warehouse.raw.files import INSTANT
from cbr_warehouse.raw.ledger_entries import RemovedDay
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    LoadEntry,
    read_audits,
    read_loads,
    read_loads_summary,
)
from cbr_warehouse.raw.removed_days import read_removed_days
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.warehouse.coverage import CoverageRow, coverage_rows

_NOT_HELD = """
SELECT day, count(DISTINCT coalesce(task_id, record_text))
FROM quarantine ANTI JOIN tasks USING (source, task_id)
WHERE source = $1 AND day IS NOT NULL GROUP BY day
"""
"""Invalid records of tasks without any valid version, by day."""

_HELD = "SELECT day, count(*) FROM tasks WHERE source = $1 GROUP BY day"

_ARROW_TYPES: dict[str, Any] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "instant": INSTANT,
    "date": pa.date32(),
}


@dataclass(frozen=True)
class SourceLedgers:
    """What the ledgers of one source say.

    Attributes:
        loads: Its loads, oldest first, at least the newest; without older ones that the warehouse has.
        audits: The latest verdict of each day that a load looked at.
        requested_from: First UTC day that any load requested.
        today: UTC day of its newest load whose time is to be relied on.
        removed: Days that a policy removed, with what was held of them, and when.
    """

    loads: Sequence[LoadEntry]
    audits: Mapping[date, AuditEntry]
    requested_from: date
    today: date
    removed: Mapping[date, tuple[RemovedDay, datetime]] = field(default_factory=dict)


def read_ledgers(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, source: str
) -> SourceLedgers:
    """Reads the ledgers of a source, of its loads those that the warehouse may not have as they ended.

    Raises:
        DamagedFileError: A ledger is not what was written.
    """
    # The newest one may have been published before it ended; loads of one source never overlap.
    query = "SELECT load_id FROM loads WHERE source = $1 ORDER BY load_id DESC LIMIT 1 OFFSET 1"
    held = connection.execute(query, [source]).fetchall()
    loads = read_loads(directory, source, after=held[0][0] if held else None)
    loads = loads or read_loads(directory, source)
    summary, audits = read_loads_summary(directory, source), read_audits(directory, source)
    newest = summary.newest_timed or loads[-1]
    today = _ended(newest, loads[-1])
    since = summary.since or newest.since
    removed = read_removed_days(directory, source)
    return SourceLedgers(loads, audits, today if since is None else since.date(), today, removed)


def _ended(newest: LoadEntry, last: LoadEntry) -> date:
    """UTC day of a source's newest load.

    A last load that reached no source has the time of this machine alone. It counts for a while, so that
    the days of an outage are shown as not looked at; a clock that is months ahead counts for nothing.
    """
    known, perhaps = (load.finished_at or load.started_at for load in (newest, last))
    return (perhaps if known < perhaps <= known + RETENTION else known).date()


def replace_ledger_rows(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    ledgers: Mapping[str, SourceLedgers],
    kept: Collection[str],
) -> None:
    """Brings the rows of all sources but some up to the ledgers; rows that do not differ are not written.

    Args:
        connection: The warehouse being built, its partitions as they will be published.
        contract: The contract.
        ledgers: The ledgers by source; of a source without any, no row stays.
        kept: Sources whose rows stay as they are.
    """
    coverage = [row for source, own in ledgers.items() for row in _coverage(connection, source, own)]
    loads = [entry for own in ledgers.values() for entry in own.loads]
    for table, rows in (("loads", loads), ("coverage", coverage)):
        connection.execute(
            f"DELETE FROM {identifier(table)} WHERE source NOT IN (SELECT unnest($sources))",
            {"sources": [*ledgers, *kept]},
        )
        _replace_rows(connection, contract.table(table), rows)
    _forget_days(connection, coverage, kept)


def verdicts_differ(connection: duckdb.DuckDBPyConnection, source: str, ledgers: SourceLedgers) -> bool:
    """Whether ``coverage`` would say anything new of a source, times of checks aside."""
    rows = connection.execute(
        "SELECT * EXCLUDE (checked_at) FROM coverage WHERE source = $1 ORDER BY day", [source]
    )
    told = attrgetter(*(column[0] for column in rows.description or []))
    return rows.fetchall() != [told(row) for row in _coverage(connection, source, ledgers)]


def _coverage(
    connection: duckdb.DuckDBPyConnection, source: str, ledgers: SourceLedgers
) -> list[CoverageRow]:
    """The days of a source; one that a policy removed keeps the numbers it had before."""
    removed = ledgers.removed
    held = {day: past.held for day, (past, _) in removed.items()} | _by_day(connection, source, _HELD)
    quarantined = {day: past.quarantined for day, (past, _) in removed.items()}
    quarantined |= _by_day(connection, source, _NOT_HELD)
    rows = coverage_rows(source, ledgers.audits, held, quarantined, ledgers.requested_from, ledgers.today)
    return [replace(row, removed_at=removed[row.day][1]) if row.day in removed else row for row in rows]


def _by_day(connection: duckdb.DuckDBPyConnection, source: str, query: str) -> dict[date, int]:
    return {day: int(count) for day, count in connection.execute(query, [source]).fetchall()}


def _forget_days(
    connection: duckdb.DuckDBPyConnection, coverage: Sequence[Any], kept: Collection[str]
) -> None:
    """Deletes days that the ledgers do not name any more: a clock that was ahead had made them."""
    days = pa.table(
        {
            "source": pa.array([row.source for row in coverage], pa.string()),
            "day": pa.array([row.day for row in coverage], pa.date32()),
        }
    )
    connection.register("days_now", days)
    connection.execute(
        "DELETE FROM coverage WHERE source NOT IN (SELECT unnest($kept)) "
        "AND (source, day) NOT IN (SELECT (source, day) FROM days_now)",
        {"kept": [*kept]},
    )
    connection.unregister("days_now")


def _replace_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Any]) -> None:
    """Writes the rows that the table has not, in the place of those with the same key."""
    arrow = {
        column.name: pa.array([getattr(row, column.name) for row in rows], _ARROW_TYPES[column.type.value])
        for column in table.columns
    }
    connection.register("rows_now", pa.table(arrow))
    name, columns = identifier(table.name), ", ".join(map(identifier, arrow))
    key = ", ".join(map(identifier, dict.fromkeys(("source", *table.key))))
    connection.execute(
        f"CREATE TEMP TABLE rows_new AS SELECT {columns} FROM rows_now EXCEPT SELECT {columns} FROM {name}"
    )
    connection.execute(f"DELETE FROM {name} WHERE ({key}) IN (SELECT ({key}) FROM rows_new)")
    connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM rows_new")
    connection.execute("DROP TABLE temp.rows_new")
    connection.unregister("rows_now")
