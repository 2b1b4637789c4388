"""Builds the next warehouse from the published one and the partitions that changed since."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.raw.files import INSTANT
from cbr_warehouse.raw.ledgers import read_audits, read_loads, read_loads_summary
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, publish
from cbr_warehouse.storage.disk_errors import as_storage_error, is_refused_by_disk
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.build_state import half_made, made_partitions, rows_made
from cbr_warehouse.tables.engine import limit_memory, open_engine, with_enough_memory
from cbr_warehouse.tables.partition_writer import PARTITIONED
from cbr_warehouse.warehouse.checks import check_days
from cbr_warehouse.warehouse.coverage import coverage_rows
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.last_seen import rows_of_partitions, update_last_seen
from cbr_warehouse.warehouse.query import count_rows
from cbr_warehouse.warehouse.reusable_file import checksum, is_published, is_reusable, note_checksums
from cbr_warehouse.warehouse.sidecars import remove_sidecars, verify_published
from cbr_warehouse.warehouse.working_file import attached, copy_file, is_bloated

logger = logging.getLogger(__name__)

ANALYTICS_MEMORY_MB = 170
"""What the analytics of a small warehouse may take before they spill to disk."""

TASKS_PER_MB = 3000
"""Windows over a resource's whole history cannot be spilled: 900 MB are needed for 3.7 million tasks."""

_QUARANTINE_RESOLVED = """
UPDATE quarantine SET resolved_at = (
    SELECT min(greatest(v.first_seen_at, quarantine.first_seen_at))
    FROM task_versions AS v
    WHERE v.source = quarantine.source AND v.task_id = quarantine.task_id)
"""
"""Resolved since both the broken record and a sound version of its task were seen: a repeated sighting
changes nothing.
"""


def build_warehouse(
    directory: DataDirectory, contract: Contract, analytics: AnalyticsSettings, *, fresh: bool = False
) -> None:
    """Updates the warehouse from tables and ledgers and publishes it atomically.

    Args:
        directory: The data directory.
        contract: The contract.
        analytics: The settings of the analytics.
        fresh: Whether to build it from scratch instead of from the published one.

    Raises:
        WarehouseError: The result violates a key or a reference; nothing is published.
        StorageError: The file could not be written; the published one stays in place.
    """
    next_file = directory.root / f"{TEMPORARY_PREFIX}{uuid4().hex}-warehouse.duckdb"
    published = directory.warehouse
    with publish(next_file, published):
        current = checksum(published)
        is_known = is_published(directory, current)
        fresh = fresh or not is_reusable(directory, contract, current)
        rows = _write_or_start_over(next_file, directory, contract, analytics, fresh)
        # A file that another program changed must not be known after a crash before the rename.
        note_checksums(
            directory, [one for one in (current if is_known else None, checksum(next_file)) if one]
        )
        # Before the rename: what lies there belongs to the file that is replaced.
        remove_sidecars(published)
    with as_storage_error(published):
        verify_published(published, rows)


def _write_or_start_over(
    next_file: Path,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    fresh: bool,
) -> dict[str, int]:
    """Writes the next warehouse; from the tables alone where the published one cannot be built on."""
    write = partial(_write, next_file, directory, contract, analytics)
    try:
        return with_enough_memory(partial(write, fresh))
    except (duckdb.Error, WarehouseError) as error:
        if fresh or isinstance(error, duckdb.OutOfMemoryException) or is_refused_by_disk(error):
            raise
        logger.warning(
            "%s: the next warehouse could not be built on it (%s). It is built again from the tables.",
            directory.warehouse,
            str(error).splitlines()[0],
        )
        return with_enough_memory(partial(write, True))


def _write(
    next_file: Path,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    fresh: bool,
    megabytes: int,
) -> dict[str, int]:
    """Writes the next warehouse and returns its rows by table; may be called again, with more memory."""
    next_file.unlink(missing_ok=True)
    if not fresh:
        copy_file(directory.warehouse, next_file)
    with open_engine(directory.root) as connection, attached(connection, next_file):
        limit_memory(connection, megabytes)
        _bring_up(connection, directory, contract, analytics, fresh, megabytes)
        bloated = is_bloated(connection, next_file)
        rows = count_rows(connection, [table.name for table in contract.tables])
    if bloated and not fresh:
        return _write(next_file, directory, contract, analytics, True, megabytes)
    return rows


def _bring_up(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    fresh: bool,
    megabytes: int,
) -> None:
    """Updates the file in several transactions.

    No reader opens the file before its atomic rename, so it need not be one transaction; many small
    commits need half the memory of a large one.
    """
    connection.execute("BEGIN")
    if fresh:
        for statement in create_statements(contract):
            connection.execute(statement)
        connection.execute("INSERT INTO meta.contract VALUES ($1)", [contract.fingerprint])
    changed = _changed_partitions(connection, directory)
    if changed:
        _replace_partitions(connection, directory, contract, changed)
    update_last_seen(connection, directory, directory.sources_with_raw(), changed)
    connection.execute(_QUARANTINE_RESOLVED)
    _replace_ledgers(connection, directory, contract)
    check_days(connection, contract, sorted({day for _, day in changed}))
    _commit(connection)
    limit_memory(connection, max(analytics_megabytes(connection), megabytes))
    bring_up(connection, analytics, changed)
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT")


def analytics_megabytes(connection: duckdb.DuckDBPyConnection) -> int:
    """What the analytics of a warehouse may take, by its tasks."""
    tasks = int(connection.execute("SELECT count(*) FROM tasks").fetchall()[0][0])
    return ANALYTICS_MEMORY_MB + tasks // TASKS_PER_MB


def _changed_partitions(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT source, day, fingerprint FROM meta.partitions").fetchall()
    loaded = {(source, day): fingerprint for source, day, fingerprint in rows}
    made: dict[tuple[str, str], str] = {}
    for source in directory.sources_with_raw():
        noted = made_partitions(directory, source)
        # Where a load was killed between two days that share a task, both stay as they were published.
        waiting = half_made(directory, source, noted) if loaded else set()
        made |= {(source, day): fingerprint for day, fingerprint in noted.items() if day not in waiting}
    return {place: fingerprint for place, fingerprint in made.items() if loaded.get(place) != fingerprint}


def _replace_partitions(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    contract: Contract,
    changed: dict[tuple[str, str], str],
) -> None:
    places = pa.table(
        {
            "source": pa.array([source for source, _ in changed], pa.string()),
            "day": pa.array([day for _, day in changed], pa.string()),
            "fingerprint": pa.array(list(changed.values()), pa.string()),
        }
    )
    connection.register("changed", places)
    connection.execute(
        "DELETE FROM meta.partitions AS p USING changed AS c WHERE p.source = c.source AND p.day = c.day"
    )
    connection.execute("INSERT INTO meta.partitions BY NAME SELECT * FROM changed")
    for table in PARTITIONED:
        connection.execute(
            f"DELETE FROM {identifier(table)} AS t USING changed AS c "
            "WHERE t.source = c.source AND t.day IS NOT DISTINCT FROM TRY_CAST(c.day AS DATE)"
        )
        files = list(_partition_files(directory, table, changed))
        if files:
            rows = rows_of_partitions(contract, table, files)
            connection.execute(f"INSERT INTO {identifier(table)} BY NAME {rows}")
        _commit(connection)
    connection.unregister("changed")


def _partition_files(
    directory: DataDirectory, table: str, changed: Iterable[tuple[str, str]]
) -> Iterator[Path]:
    """The files of a table's partitions; a day without rows has none.

    Raises:
        StorageError: The file of a day with rows is gone. It must not be published as empty.
    """
    for source, day in sorted(changed):
        path = directory.partition(table, source, day)
        if path.exists():
            yield path
        elif rows_made(directory, source, day).get(table):
            raise StorageError(
                f"{path}: is missing, although rows were written to it. Restore it from a backup, or run "
                "'cbr-warehouse rebuild', which makes it again from raw."
            )


def _commit(connection: duckdb.DuckDBPyConnection) -> None:
    """Ends a transaction and begins the next."""
    connection.execute("COMMIT")
    connection.execute("BEGIN")


def _replace_ledgers(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, contract: Contract
) -> None:
    """Replaces ``loads`` and ``coverage`` by what the ledgers say; both are small.

    The rows of a source with a damaged ledger stay as they are: the source's own load reports it,
    and no other source is kept from being published.
    """
    loads, coverage, kept = [], [], []
    for source in directory.sources_with_raw():
        try:
            own, audits = read_loads(directory, source), read_audits(directory, source)
            summary = read_loads_summary(directory, source)
        except StorageError as error:
            logger.warning("%s", error)
            kept.append(source)
            continue
        loads += [asdict(entry) for entry in own]
        newest = summary.newest_timed or own[-1]
        today = (newest.finished_at or newest.started_at).date()
        requested_from = summary.since or newest.since
        coverage += [
            asdict(row)
            for row in coverage_rows(
                source,
                audits,
                _by_day(connection, source, "SELECT day, count(*) FROM tasks WHERE source = $1 GROUP BY day"),
                _by_day(connection, source, _NOT_HELD),
                today if requested_from is None else requested_from.date(),
                today,
            )
        ]
    _replace_rows(connection, contract, "loads", loads, kept)
    _replace_rows(connection, contract, "coverage", coverage, kept)


_NOT_HELD = """
SELECT day, count(DISTINCT coalesce(task_id, record_text))
FROM quarantine ANTI JOIN tasks USING (source, task_id)
WHERE source = $1 AND day IS NOT NULL GROUP BY day
"""
"""Invalid records of tasks without any valid version, by day."""


def _by_day(connection: duckdb.DuckDBPyConnection, source: str, query: str) -> dict[date, int]:
    return {day: int(count) for day, count in connection.execute(query, [source]).fetchall()}


def _replace_rows(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: str,
    rows: Sequence[dict[str, Any]],
    kept: list[str],
) -> None:
    connection.execute(
        f"DELETE FROM {identifier(table)} WHERE source NOT IN (SELECT unnest($kept))", {"kept": kept}
    )
    if not rows:
        return
    columns = contract.table(table).columns
    arrow = {
        column.name: pa.array([row[column.name] for row in rows], _ARROW_TYPES[column.type.value])
        for column in columns
    }
    connection.register("rows_now", pa.table(arrow))
    connection.execute(f"INSERT INTO {identifier(table)} BY NAME SELECT * FROM rows_now")
    connection.unregister("rows_now")


_ARROW_TYPES: dict[str, Any] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "instant": INSTANT,
    "date": pa.date32(),
}
