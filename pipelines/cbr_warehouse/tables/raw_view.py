"""The raw files of a batch of days as two temporary tables: ``records`` and ``sightings``."""

from pathlib import Path

import duckdb
import pyarrow as pa

from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.raw.files import MANIFESTS, RECORDS
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.build_state import DayInputs, MovedTasks, new_record_files
from cbr_warehouse.tables.engine import parquet, reading_tables

_OF_GUESTS = "task_id IN (SELECT task_id FROM guests)"
_OF_RECORDS = "content_hash IN (SELECT content_hash FROM records)"


class RawView:
    """Shows an engine the raw files of a source.

    Args:
        engine: Where the temporary tables are made.
        directory: The data directory.
        source: Name of the source.
        inputs: Raw files of every day of the source.
    """

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        directory: DataDirectory,
        source: str,
        inputs: dict[str, DayInputs],
    ) -> None:
        self._engine = engine
        self._directory = directory
        self._source = source
        self._inputs = inputs

    def find_moved(self, days: set[str], moved: MovedTasks, *, every_file: bool = False) -> None:
        """Notes tasks whose new records are under another day than their other records and the tables.

        Args:
            days: Days with new raw files.
            moved: Where they are noted.
            every_file: Whether to look at all files of these days, not only at new ones.
        """
        files = [
            path
            for day in sorted(days)
            for path in (
                self._inputs[day].records
                if every_file
                else new_record_files(self._directory, self._source, self._inputs[day])
            )
        ]
        if not files:
            return
        self._engine.execute(
            "CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT task_id, day "
            f"FROM {parquet(files)} WHERE reason IS NULL"
        )
        held = self._directory.partitions(TASKS.table, self._source)
        others = f"UNION ALL SELECT task_id, day FROM {parquet(held)}" if held else ""
        with reading_tables(self._directory):
            pairs = self._engine.execute(
                f"""
                WITH everywhere AS (SELECT task_id, day FROM fresh {others})
                SELECT DISTINCT fresh.task_id, fresh.day, everywhere.day
                FROM fresh JOIN everywhere
                  ON fresh.task_id = everywhere.task_id AND fresh.day <> everywhere.day"""
            ).fetchall()
        for task_id, day, other_day in pairs:
            moved.add(task_id, day, other_day)

    def fill(self, batch: list[DayInputs], moved: MovedTasks) -> None:
        """Fills both tables for a batch, and adds what other days have of its moved tasks.

        A task that moved needs all its versions in one batch, or its newest one could not be chosen:
        the files of its other days are read too, but only its own rows (``guests``) of them. A record
        that an older contract could not date was filed under ``unknown`` then, so its sightings are
        there, while a later contract filed it under its day: sightings of the batch's records are
        taken from ``unknown`` as well.

        Args:
            batch: Raw files of the batch's days.
            moved: The tasks seen under more than one day.
        """
        own = {found.day for found in batch}
        tasks = moved.touching(own)
        beyond = sorted({day for days in tasks.values() for day in days} - own)
        away = [self._inputs[day] for day in beyond if day in self._inputs]
        self._engine.register("guests", pa.table({"task_id": pa.array(list(tasks), pa.string())}))
        # What refused a record when it landed stays known, whatever a later contract says.
        columns = ", ".join([*RECORDS.names, "reason AS refused", "day"])
        home_files = [path for found in batch for path in found.records]
        away_files = [path for found in away for path in found.records]
        self._union("records", columns, RECORDS, [(home_files, "true"), (away_files, _OF_GUESTS)])
        columns = ", ".join([*MANIFESTS.names, "day"])
        home_files = [path for found in batch for path in found.manifests]
        away_files = [path for found in away for path in found.manifests]
        undated = self._inputs[UNKNOWN_DAY].manifests if UNKNOWN_DAY in set(self._inputs) - own else ()
        parts = [(home_files, "true"), (away_files, _OF_GUESTS), (list(undated), _OF_RECORDS)]
        self._union("sightings", columns, MANIFESTS, parts)
        self._engine.unregister("guests")

    def _union(
        self, table: str, columns: str, schema: pa.Schema, parts: list[tuple[list[Path], str]]
    ) -> None:
        """Fills one table with the rows of each part's files that meet its condition."""
        # A day whose files were all set aside has none.
        self._engine.register("nothing", schema.append(pa.field("day", pa.string())).empty_table())
        selects = [f"(SELECT {columns} FROM nothing)"]
        selects += [
            f"(SELECT {columns} FROM {parquet(files)} WHERE {which})" for files, which in parts if files
        ]
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {' UNION ALL '.join(selects)}")
        self._engine.unregister("nothing")
