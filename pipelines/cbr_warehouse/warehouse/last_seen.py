"""When versions and quarantined records were last seen: the one thing that a load without news changes."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.engine import parquet
from cbr_warehouse.tables.partition_writer import SET_LATER
from cbr_warehouse.tables.sightings import fill_last_seen

_UPDATES = (
    """
UPDATE task_versions AS own SET last_seen_at = s.last_seen_at FROM version_sightings AS s
WHERE own.source = $1 AND own.task_id = s.task_id AND own.version_hash = s.version_hash
  AND own.last_seen_at < s.last_seen_at""",
    """
UPDATE quarantine AS own SET last_seen_at = s.last_seen_at FROM quarantine_sightings AS s
WHERE own.source = $1 AND own.record_text = s.record_text AND own.last_seen_at < s.last_seen_at""",
)


def rows_of_partitions(contract: Contract, table: str, files: Iterable[Path]) -> str:
    """SQL of the rows of partition files; ``last_seen_at``, which none has, is ``first_seen_at`` at first.

    Args:
        contract: The contract.
        table: The table.
        files: Its files; those of earlier releases may have more columns.
    """
    names = [column.name for column in contract.table(table).columns]
    columns = [identifier(name) for name in names if name not in SET_LATER | {"day"}]
    columns.append("TRY_CAST(day AS DATE) AS day")
    if "last_seen_at" in names:
        columns.append("first_seen_at AS last_seen_at")
    return f"SELECT {', '.join(columns)} FROM {parquet(files)}"


def update_last_seen(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    sources: Iterable[str],
    changed: Mapping[tuple[str, str], str],
) -> None:
    """Sets ``last_seen_at`` by what was seen since the last publication.

    Args:
        connection: The warehouse being built.
        directory: The data directory.
        sources: The sources whose manifests are read.
        changed: Sources and days whose rows were replaced.
    """
    for source in sources:
        found = connection.execute("SELECT since FROM meta.sightings WHERE source = $1", [source]).fetchall()
        days = {day for own, day in changed if own == source}
        since = fill_last_seen(connection, directory, source, days, found[0][0] if found else None)
        for update in _UPDATES:
            connection.execute(update, [source])
        connection.execute("DELETE FROM meta.sightings WHERE source = $1", [source])
        connection.execute("INSERT INTO meta.sightings VALUES ($1, $2)", [source, since])
