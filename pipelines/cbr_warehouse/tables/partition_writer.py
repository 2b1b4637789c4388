"""Writes the partitions of a day from the temporary tables that ``versions_sql`` made."""

from pathlib import Path

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.storage.atomic_write import remove_file, write_whole
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.tables.engine import parquet
from cbr_warehouse.tables.flatten_sql import PARTITION_COLUMNS
from cbr_warehouse.tables.versions_sql import NEWEST_FIRST

PARTITIONED = (TASKS.table, *TASKS.child_tables, "task_versions", "quarantine")
"""The tables that are made from a day's records."""

_DISTINCT_TEXT = """
CASE WHEN row_number() OVER (PARTITION BY record_text ORDER BY record_bytes IS NOT NULL, content_hash) = 1
     THEN record_text ELSE record_text || ' #' || content_hash END"""
"""Bytes that are no text may be escaped to what another record says in so many characters."""

_TASKS_LACKING = (
    """
WITH existing AS (
    SELECT task_id, version_hash, date_trunc('millisecond', updated_at) AS updated_at, last_seen_at
    FROM {existing} QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY """
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
_REFUSED_LACKING = """
SELECT 1 FROM {existing} AS existing
WHERE record_text NOT IN (SELECT record_text FROM ({refused}))
  AND NOT EXISTS (FROM texts WHERE task_id = existing.task_id AND last_seen_at >= existing.last_seen_at)
LIMIT 1"""

SET_LATER = frozenset({"resolved_at"})
"""Columns known only across days; the warehouse sets them."""


class PartitionWriter:
    """Replaces partitions of a source.

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

    def replace(self, day: str) -> dict[str, int]:
        """Replaces all partitions of a day, each whole.

        Args:
            day: The UTC day, or ``unknown``.

        Returns:
            Rows by table.

        Raises:
            StorageError: A file could not be written.
        """
        return {table: self._replace(table, day) for table in PARTITIONED}

    def would_shrink(self, day: str) -> bool:
        """Whether a partition as it would be made now lacks rows that it has, or has them in an older state.

        Earlier versions and earlier sightings do not count: what the source shows now says nothing of them.

        Args:
            day: The UTC day, or ``unknown``.
        """
        checks = {"task_versions": _TASKS_LACKING, "quarantine": _REFUSED_LACKING}
        for table, lacking in checks.items():
            path = self._directory.partition(table, self._source, day)
            if path.is_file():
                query = lacking.format(existing=parquet([path]), refused=self._query("quarantine", day))
                if self._engine.execute(query).fetchall():
                    return True
        return False

    def _replace(self, table: str, day: str) -> int:
        path = self._directory.partition(table, self._source, day)
        query = self._query(table, day)
        rows = int(self._engine.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]) if query else 0
        if rows == 0:
            remove_file(path)
            return 0
        key = [name for name in self._contract.table(table).key if name not in PARTITION_COLUMNS]
        order = ", ".join(map(identifier, key))
        write_whole(path, lambda temporary: self._copy(f"{query} ORDER BY {order}", temporary))
        return rows

    def _query(self, table: str, day: str) -> str:
        if day == UNKNOWN_DAY and table != "quarantine":
            return ""
        left_out = PARTITION_COLUMNS | SET_LATER
        names = [column.name for column in self._contract.table(table).columns if column.name not in left_out]
        columns = ", ".join(map(identifier, names))
        return f"SELECT {columns} FROM ({_rows(table, day)})"

    def _copy(self, query: str, path: Path) -> None:
        self._engine.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)")


def _rows(table: str, day: str) -> str:
    """The rows of one table on one day; a partition without rows has no file."""
    newest = f"SELECT * FROM newest WHERE CAST(created_at AS DATE) = DATE '{day}'"
    match table:
        case TASKS.table:
            return newest
        case "task_versions":
            return f"SELECT versions.* FROM versions SEMI JOIN ({newest}) AS own USING (task_id)"
        case "quarantine":
            refused = "SELECT * REPLACE (coalesce(reason, refused) AS reason) FROM texts"
            own = f"SELECT * FROM ({refused}) WHERE reason IS NOT NULL AND day = '{day}'"
            return f"SELECT * REPLACE ({_DISTINCT_TEXT} AS record_text) FROM ({own})"
        case _:
            children = f"SELECT task_id, unnest({table}) AS child FROM ({newest})"
            return f"SELECT task_id, unnest(child) FROM ({children})"
