"""Writes the partitions of a batch of days from the temporary tables that ``versions_sql`` made.

They are written beside their places; ``written_days`` puts them there.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import duckdb

from cbr_warehouse.contract.columns import Column, Contract
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, make_folder
from cbr_warehouse.storage.disk_errors import as_read_error, as_storage_error
from cbr_warehouse.storage.files import is_file, names_in, size_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.storage.staged_files import share_mode, stage_folder
from cbr_warehouse.tables.build_state import TaskEnds, file_checksum
from cbr_warehouse.tables.engine import do_within_memory, parquet
from cbr_warehouse.tables.flatten_sql import PARTITION_COLUMNS
from cbr_warehouse.tables.versions_sql import NEWEST_FIRST
from cbr_warehouse.tables.written_days import WrittenDays, remove_unplaced, written_path

PARTITIONED = (TASKS.table, *TASKS.child_tables, "task_versions", "quarantine")
"""The tables that are made from a day's records."""

TEXTS = ".texts"
"""Of texts that went the long way: which version or row of ``quarantine`` each is of, for ``sightings``.

No reader's pattern matches the folder of this name.
"""

ROW_GROUP_ROWS = 12_288
"""A row group is kept in memory while it is written, beyond the engine's limit: at DuckDB's own 122,880 rows
a day of 50,000 tasks took 120 MB more. Most days are one row group."""

_PARQUET = (
    f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, "
    "WRITE_BLOOM_FILTER false"
)
"""DuckDB writes Bloom filters of columns with few values only, nearly all of which are in every file."""

_DISTINCT_TEXT = """
CASE WHEN row_number() OVER alike = 1 THEN record_text ELSE record_text || ' #' || content_hash END"""
_ALIKE = "WINDOW alike AS (PARTITION BY day, record_text ORDER BY record_bytes IS NOT NULL, content_hash)"
"""Bytes that are no text may be escaped to what another record says in so many characters."""

_SIGHTS = """
WITH known AS (SELECT version_hash, record_text, content_hash, last_seen_at FROM {texts}),
seen AS (
    SELECT content_hash, max(fetched_at) AS last_seen_at FROM sightings GROUP BY content_hash
    UNION ALL SELECT content_hash, last_seen_at FROM known),
"""
_TASKS_LACKING = (
    _SIGHTS
    + """
of_version AS (
    SELECT coalesce(known.version_hash, seen.content_hash) AS version_hash,
           max(seen.last_seen_at) AS last_seen_at
    FROM seen LEFT JOIN known ON known.content_hash = seen.content_hash GROUP BY ALL),
existing AS (
    SELECT task_id, version_hash, date_trunc('millisecond', updated_at) AS updated_at,
           greatest(first_seen_at, coalesce(last_seen_at, first_seen_at)) AS last_seen_at
    FROM (SELECT task_id, version_hash, updated_at, first_seen_at FROM {existing})
    LEFT JOIN of_version USING (version_hash)
    QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY """
    + NEWEST_FIRST
    + """) = 1)
SELECT 1 FROM existing
WHERE NOT EXISTS (FROM versions WHERE task_id = existing.task_id AND version_hash = existing.version_hash)
  AND NOT EXISTS (
    FROM newest WHERE task_id = existing.task_id
    AND (coalesce(date_trunc('millisecond', newest.updated_at), '-infinity'), newest.last_seen_at)
        >= (coalesce(existing.updated_at, '-infinity'), existing.last_seen_at))
LIMIT 1"""
)
_REFUSED_LACKING = (
    _SIGHTS
    + """
of_text AS (
    SELECT record_text, max(seen.last_seen_at) AS last_seen_at
    FROM known JOIN seen USING (content_hash) GROUP BY record_text),
existing AS (
    SELECT record_text, task_id,
           greatest(first_seen_at, coalesce(last_seen_at, first_seen_at)) AS last_seen_at
    FROM (SELECT record_text, task_id, first_seen_at FROM {existing}) LEFT JOIN of_text USING (record_text))
SELECT 1 FROM existing
WHERE record_text NOT IN (SELECT record_text FROM ({refused}))
  AND NOT EXISTS (FROM texts WHERE task_id = existing.task_id AND last_seen_at >= existing.last_seen_at)
LIMIT 1"""
)
_NO_TEXTS = """(
SELECT NULL::VARCHAR AS version_hash, NULL::VARCHAR AS record_text, NULL::VARCHAR AS content_hash,
       NULL::TIMESTAMPTZ AS last_seen_at WHERE false)"""

SET_LATER = frozenset({"resolved_at", "last_seen_at"})
"""Columns known only across days, or that change without news; the warehouse sets them."""


class PartitionWriter:
    """Writes partitions of a source.

    Args:
        engine: Holds the temporary tables of the batch.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
    """

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, directory: DataDirectory, source: str, contract: Contract
    ) -> None:
        self._engine = engine
        self._directory = directory
        self._source = source
        self._contract = contract

    def write(self, days: Sequence[str]) -> WrittenDays:
        """Writes all partitions of some days beside their places; ``place_days`` puts them there.

        Args:
            days: UTC days, or ``unknown``: those of the batch.

        Returns:
            What was written.

        Raises:
            StorageError: A file could not be written; nothing is left.
        """
        tables = (*PARTITIONED, TEXTS)
        no_rows = {day: dict.fromkeys(tables, 0) for day in days}
        written = WrittenDays(f"{TEMPORARY_PREFIX}{uuid4().hex}", no_rows, {}, {})
        try:
            for table in tables:
                write = partial(self._write, table, days, written.temporary)
                for day, file in do_within_memory(self._engine, write):
                    written.rows[day][table] = int(file["count"])
                    if table == TASKS.table and (ends := _task_ends(file["column_statistics"])):
                        written.ends[day] = ends
            for day, rows in written.rows.items():
                written.files[day] = {
                    table: self._measure(table, day, written) for table, count in rows.items() if count
                }
        except BaseException:
            remove_unplaced(self._directory, self._source, written)
            raise
        return written

    def would_shrink(self, day: str) -> bool:
        """Whether a partition as it would be made now lacks rows that it has, or has them in an older state.

        Earlier versions and earlier sightings do not count: what the source shows now says nothing of them.
        It needs all texts to be contested.

        Args:
            day: The UTC day, or ``unknown``.
        """
        checks = {"task_versions": _TASKS_LACKING, "quarantine": _REFUSED_LACKING}
        for table, lacking in checks.items():
            path = self._directory.partition(table, self._source, day)
            if is_file(path):
                texts = self._directory.partition(TEXTS, self._source, day)
                query = lacking.format(
                    existing=parquet([path]),
                    texts=parquet([texts]) if is_file(texts) else _NO_TEXTS,
                    refused=self._query("quarantine", [day]),
                )
                if self._engine.execute(query).fetchall():
                    return True
        return False

    def _write(self, table: str, days: Sequence[str], temporary: str) -> list[tuple[str, dict[str, Any]]]:
        """Writes a table's partitions of some days beside their places; returns DuckDB's account of each."""
        query = self._query(table, days)
        options = f"{_PARQUET}, RETURN_STATS"
        place = self._directory.partition(table, self._source, days[0])
        folder = place.parent.parent
        with as_storage_error(place if len(days) == 1 else folder):
            make_folder(folder)
            if len(days) == 1:
                # A large day comes alone; partitions would be collected in memory before they are written.
                stage_folder(place.parent)
                target = literal(written_path(place, temporary))
                query = f"COPY (SELECT * EXCLUDE (day) FROM ({query})) TO {target}"
                made = written_files(self._engine.execute(f"{query} ({options})"))
                return [(days[0], one) for one in made]
            self._engine.execute(f"SET partitioned_write_max_open_files = {len(days) + 1}")
            pattern = (
                f"PARTITION_BY (day), FILENAME_PATTERN {literal(f'{temporary}-{{i}}')}, OVERWRITE_OR_IGNORE"
            )
            copy = f"COPY ({query}) TO {literal(folder)} ({options}, {pattern})"
            before = frozenset(names_in(folder))
            made = written_files(self._engine.execute(copy))
            by_day = [(str(one["partition_keys"]["day"]), one) for one in made]
            own = (self._directory.partition(table, self._source, day).parent for day, _ in by_day)
            # DuckDB takes no heed of a umask that permits more than its own 0755.
            share_mode(folder, [one for one in own if one.name not in before])
            return by_day

    def _measure(self, table: str, day: str, written: WrittenDays) -> tuple[int, str]:
        """Size in bytes and checksum of a file that was written."""
        path = written_path(self._directory.partition(table, self._source, day), written.temporary)
        with as_read_error(path):
            return size_of(path) or 0, file_checksum(path)

    def _query(self, table: str, days: Sequence[str]) -> str:
        if table == TEXTS:
            return _texts(", ".join(map(literal, days)))
        return partition_rows(self._contract, table, days)


def written_files(copied: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What a ``COPY`` with ``RETURN_STATS`` says of each file, by name: DuckDB 2 has more columns than 1.5.

    Args:
        copied: The connection that executed it.
    """
    names = [str(column[0]) for column in copied.description or []]
    return [dict(zip(names, row, strict=True)) for row in copied.fetchall()]


def _task_ends(statistics: dict[str, dict[str, str]]) -> TaskEnds | None:
    """When the tasks in a file ended, by DuckDB's account of it; None where that does not say it."""
    found = statistics.get('"ended_at"', {})
    latest = found.get("max")
    try:
        return TaskEnds(int(found["null_count"]), datetime.fromisoformat(latest) if latest else None)
    except (KeyError, ValueError):  # of a year that Python has not
        return None


def partition_columns(contract: Contract, table: str) -> tuple[Column, ...]:
    """The columns that a partition's file has."""
    left_out = PARTITION_COLUMNS | SET_LATER
    return tuple(column for column in contract.table(table).columns if column.name not in left_out)


def partition_rows(contract: Contract, table: str, days: Sequence[str]) -> str:
    """SQL of the rows of a table's partitions, with their day, from the temporary tables of the batch."""
    columns = ", ".join(identifier(column.name) for column in partition_columns(contract, table))
    return f"SELECT {columns}, day FROM ({_rows(table, ', '.join(map(literal, days)))})"


def _rows(table: str, days: str) -> str:
    """The rows of one table on some days, with their day; of no day but those of the batch."""
    dated = "SELECT *, CAST(CAST(created_at AS DATE) AS VARCHAR) AS day FROM newest"
    newest = f"(SELECT * FROM ({dated}) WHERE day IN ({days}))"
    match table:
        case TASKS.table:
            return f"FROM alone UNION ALL BY NAME FROM {newest}"
        case "task_versions":
            own = f"SELECT task_id, day FROM {newest}"
            more = f"SELECT versions.*, day FROM versions JOIN ({own}) USING (task_id)"
            return f"FROM alone UNION ALL BY NAME {more}"
        case "quarantine":
            return _refused(days)
        case _:
            parents = f"FROM alone UNION ALL BY NAME FROM {newest}"
            children = f"SELECT task_id, day, unnest({table}) AS child FROM ({parents})"
            return f"SELECT task_id, day, unnest(child) FROM ({children})"


def _refused(days: str) -> str:
    refused = "SELECT * REPLACE (coalesce(reason, refused) AS reason) FROM texts"
    own = f"SELECT * FROM ({refused}) WHERE reason IS NOT NULL AND day IN ({days})"
    return f"SELECT * REPLACE ({_DISTINCT_TEXT} AS record_text) FROM ({own}) {_ALIKE}"


def _texts(days: str) -> str:
    """The rows of ``TEXTS``; a text that is the whole of its version and was seen once has none."""
    return f"""
SELECT content_hash, versions.task_id, version_hash, refused.record_text, texts.last_seen_at, day
FROM texts
LEFT JOIN (SELECT content_hash, filed_under AS day, task_id, facts_hash FROM facts) AS sound
    USING (content_hash, day)
LEFT JOIN versions ON versions.task_id = sound.task_id AND versions.facts_hash = sound.facts_hash
LEFT JOIN (SELECT content_hash, day, record_text FROM ({_refused(days)})) AS refused
    USING (content_hash, day)
WHERE day IN ({days})
UNION ALL
SELECT version_hash, task_id, version_hash, NULL, last_seen_at, day
FROM alone WHERE last_seen_at > first_seen_at"""
