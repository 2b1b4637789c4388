"""The partitions of ``tables`` in the warehouse: which of them changed, and the rows of those."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.storage.files import exists, total_bytes
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.storage.transactions import commit
from cbr_warehouse.tables.build_state import half_made, made_partitions
from cbr_warehouse.tables.partition_files import find_broken
from cbr_warehouse.tables.partition_writer import PARTITIONED
from cbr_warehouse.warehouse.last_seen import rows_of_partitions

Partition = tuple[str, str]
"""Source and day of a partition; the day is ``YYYY-MM-DD`` or ``unknown``."""


def changed_partitions(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, sources: Collection[str]
) -> dict[Partition, str]:
    """Partitions of some sources, with fingerprints, of which the warehouse has not the newest state."""
    rows = connection.execute("SELECT source, day, fingerprint FROM meta.partitions").fetchall()
    loaded = {(source, day): fingerprint for source, day, fingerprint in rows}
    made: dict[Partition, str] = {}
    for source in sources:
        noted = made_partitions(directory, source)
        # Where a load was killed between two days that share a task, both stay as they were published.
        waiting = half_made(directory, source, noted) if loaded else set()
        made |= {(source, day): fingerprint for day, fingerprint in noted.items() if day not in waiting}
    return {place: fingerprint for place, fingerprint in made.items() if loaded.get(place) != fingerprint}


def broken_partitions(directory: DataDirectory, partitions: Iterable[Partition]) -> dict[str, dict[str, str]]:
    """Days with a missing or damaged file, by source, each with a sentence that names the file."""
    days: dict[str, list[str]] = {}
    for source, day in partitions:
        days.setdefault(source, []).append(day)
    found = {source: find_broken(directory, source, own) for source, own in days.items()}
    return {source: broken for source, broken in found.items() if broken}


def replace_partitions(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    contract: Contract,
    changed: Mapping[Partition, str],
) -> None:
    """Replaces the rows of changed partitions, each table in a transaction of its own.

    Args:
        connection: The warehouse being built, in a transaction.
        directory: The data directory.
        contract: The contract.
        changed: The partitions with their fingerprints.
    """
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
        files = list(_files(directory, table, changed))
        if files:
            rows = rows_of_partitions(contract, table, files)
            connection.execute(f"INSERT INTO {identifier(table)} BY NAME {rows}")
        commit(connection)
    connection.unregister("changed")


def _files(directory: DataDirectory, table: str, partitions: Iterable[Partition]) -> Iterator[Path]:
    """The files of a table's partitions; a day without rows has none."""
    for source, day in sorted(partitions):
        path = directory.partition(table, source, day)
        if exists(path):
            yield path


def partition_bytes(directory: DataDirectory) -> int:
    """Bytes of the files of tasks of all sources, as they are on the disk."""
    return total_bytes(
        path for source in directory.sources_with_raw() for path in directory.partitions("tasks", source)
    )
