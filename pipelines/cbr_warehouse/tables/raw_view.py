"""The raw files of a batch of days as temporary tables, from which ``versions_sql`` goes on.

``filed`` has each row of the record files without its text, ``sightings`` when texts were received besides,
``contested`` the texts that need more than the short way and ``records`` their whole rows, ``alone`` the
typed values of all others.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.raw.files import RECORDS
from cbr_warehouse.storage.files import is_file
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.tables.build_state import (
    DayInputs,
    MovedTasks,
    broken_days,
    made_from,
    new_record_files,
)
from cbr_warehouse.tables.engine import parquet, reading_tables
from cbr_warehouse.tables.revalidate import recheck
from cbr_warehouse.tables.single_texts import CONTESTED, SEEN_OTHERWISE, alone

_OF_GUESTS = "task_id IN (SELECT task_id FROM guests)"
_IS_FILED = "content_hash IN (SELECT content_hash FROM filed)"
_ALL_CONTESTED = "CREATE OR REPLACE TEMP TABLE contested AS SELECT DISTINCT content_hash FROM filed"

_OF_A_BATCH = (
    "filed",
    "sightings",
    "seen_otherwise",
    "contested",
    "records",
    "alone",
    "texts",
    "facts",
    "versions",
    "newest",
)

_Part = tuple[list[Path], str]
"""Raw files, and which of their rows are wanted."""


class RawView:
    """Shows an engine the raw files of a source.

    Args:
        engine: Where the temporary tables are made.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        inputs: Raw files of every day of the source.
    """

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        directory: DataDirectory,
        source: str,
        contract: Contract,
        inputs: dict[str, DayInputs],
    ) -> None:
        self._engine = engine
        self._directory = directory
        self._source = source
        self._contract = contract
        self._inputs = inputs
        engine.register("no_records", RECORDS.append(pa.field("day", pa.string())).empty_table())

    def find_moved(self, days: set[str], moved: MovedTasks, *, every_file: bool = False) -> None:
        """Notes tasks whose new records are under another day than their other records and the tables.

        Args:
            days: Days with new raw files.
            moved: Where they are noted.
            every_file: Whether to look at all files of these days, not only at new ones.
        """
        # Their partitions cannot be read, so their raw files have to say which tasks they have.
        broken = broken_days(self._directory, self._source, days)
        files = [
            path
            for day in sorted(days)
            for path in (
                self._inputs[day].records
                if every_file or day in broken
                else new_record_files(self._directory, self._source, self._inputs[day])
            )
        ]
        if not files:
            return
        self._engine.execute(
            "CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT task_id, day "
            f"FROM {parquet(files)} WHERE reason IS NULL"
        )
        with reading_tables(self._directory):
            if not self._leave_out_searched(set() if every_file else days - broken):
                return
            unreadable = {self._directory.partition(TASKS.table, self._source, day) for day in broken}
            held = [
                path
                for path in self._directory.partitions(TASKS.table, self._source)
                if path not in unreadable
            ]
            others = f"UNION ALL SELECT task_id, day FROM {parquet(held)}" if held else ""
            pairs = self._engine.execute(
                f"""
                WITH everywhere AS (SELECT task_id, day FROM fresh {others})
                SELECT DISTINCT task_id, unsearched.day, everywhere.day
                FROM unsearched JOIN everywhere USING (task_id) WHERE unsearched.day <> everywhere.day"""
            ).fetchall()
        for task_id, day, other_day in pairs:
            moved.add(task_id, day, other_day)

    def _leave_out_searched(self, days: set[str]) -> bool:
        """Makes ``unsearched`` of the fresh tasks that the partition of their own day has not yet.

        Of a task that it has, the other days were searched and noted when its first record of the day came:
        to look for a task reads the ids of all partitions.

        Args:
            days: The days whose partitions can be read.

        Returns:
            Whether there is any.
        """
        made = [
            path
            for day in sorted(days)
            if made_from(self._directory, self._source, day) is not None
            and is_file(path := self._directory.partition(TASKS.table, self._source, day))
        ]
        known = f"ANTI JOIN {parquet(made)} USING (task_id, day)" if made else ""
        self._engine.execute(
            f"CREATE OR REPLACE TEMP TABLE unsearched AS SELECT task_id, day FROM fresh {known}"
        )
        return bool(self._engine.execute("SELECT EXISTS (FROM unsearched)").fetchall()[0][0])

    def fill(self, batch: list[DayInputs], moved: MovedTasks, *, all_contested: bool = False) -> None:
        """Fills the tables for a batch, and adds what other days have of its moved tasks.

        A task that moved needs all its versions in one batch, or its newest one could not be chosen:
        the files of its other days are read too, but only its own rows (``guests``) of them.

        Args:
            batch: Raw files of the batch's days.
            moved: The tasks seen under more than one day.
            all_contested: Whether no text takes the short way.
        """
        own = {found.day for found in batch}
        tasks = moved.touching(own)
        beyond = sorted({day for days in tasks.values() for day in days} - own)
        away = [self._inputs[day] for day in beyond if day in self._inputs]
        self._engine.register("guests", pa.table({"task_id": pa.array(list(tasks), pa.string())}))
        parts = [(_records(batch), "true"), (_records(away), _OF_GUESTS)]
        known = ", ".join(map(literal, sorted(self._contract.validated_alike)))
        columns = (
            "content_hash, task_id, reason IS NULL AS is_sound, "
            f"contract NOT IN ({known}) AS is_stale, load_id, fetched_at, day"
        )
        self._fill("CREATE OR REPLACE TEMP TABLE filed AS", columns, parts)
        self._fill_sightings(batch, away)
        self._fill_records(parts, known, all_contested=all_contested)
        self._engine.execute(SEEN_OTHERWISE)
        is_seen = self._count("seen_otherwise") > 0
        self._engine.execute(alone(self._contract, _records(batch), seen_otherwise=is_seen))

    def _fill_sightings(self, batch: list[DayInputs], away: list[DayInputs]) -> None:
        """Makes ``sightings``: when texts were received besides the rows of their record files.

        A record that an older contract could not date was filed under ``unknown`` then, so its sightings are
        there, while a later contract filed it under its day: sightings of the batch's records are
        taken from ``unknown`` as well, the rows of its record files included.
        """
        is_apart = UNKNOWN_DAY in self._inputs and UNKNOWN_DAY not in {found.day for found in batch}
        undated = [self._inputs[UNKNOWN_DAY]] if is_apart else []
        parts = [
            (_manifests(batch), "true"),
            (_manifests(away), _OF_GUESTS),
            (_manifests(undated), _IS_FILED),
        ]
        columns = "content_hash, day, load_id, fetched_at"
        self._fill("CREATE OR REPLACE TEMP TABLE sightings AS", f"{columns}, false AS is_stored", parts)
        self._fill("INSERT INTO sightings", f"{columns}, true", [(_records(undated), _IS_FILED)])

    def _fill_records(self, parts: list[_Part], known: str, *, all_contested: bool) -> None:
        """Makes ``records``: whole rows of ``contested`` texts, checked by the present contract."""
        # What refused a record when it landed stays known, whatever a later contract says.
        columns = ", ".join([*RECORDS.names, "reason AS refused", "day"])
        stale = [(files, f"{which} AND contract NOT IN ({known})") for files, which in parts]
        has_stale = self._count("filed WHERE is_stale") > 0
        self._fill("CREATE OR REPLACE TEMP TABLE records AS", columns, stale if has_stale else [])
        if has_stale:
            recheck(self._engine, self._contract)
        self._engine.execute(_ALL_CONTESTED if all_contested else CONTESTED)
        if self._count("contested") > 0:
            chosen = f"contract IN ({known}) AND content_hash IN (FROM contested)"
            wanted = [(files, f"{which} AND {chosen}") for files, which in parts]
            self._fill("INSERT INTO records", columns, wanted)

    def _count(self, rows: str) -> int:
        return int(self._engine.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0])

    def _fill(self, into: str, columns: str, parts: list[_Part]) -> None:
        """Fills a table with the rows of each part's files that meet its condition."""
        # A day whose files were all set aside has none.
        selects = [f"(SELECT {columns} FROM no_records)"]
        selects += [
            f"(SELECT {columns} FROM {parquet(files)} WHERE {which})" for files, which in parts if files
        ]
        self._engine.execute(f"{into} {' UNION ALL '.join(selects)}")


def drop_batch(engine: duckdb.DuckDBPyConnection) -> None:
    """Frees what the temporary tables of a batch take, before the next one's are made."""
    for table in _OF_A_BATCH:
        engine.execute(f"DROP TABLE IF EXISTS {table}")


def _records(days: list[DayInputs]) -> list[Path]:
    return [path for found in days for path in found.records]


def _manifests(days: list[DayInputs]) -> list[Path]:
    return [path for found in days for path in found.manifests]
