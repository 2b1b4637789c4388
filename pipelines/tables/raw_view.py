"""The raw files of a batch of days as two temporary tables: ``records`` and ``sightings``."""

import duckdb
import pyarrow as pa

from pipelines.raw.files import MANIFESTS, RECORDS
from pipelines.storage.layout import UNKNOWN_DAY, DataDirectory
from pipelines.tables.engine import parquet
from pipelines.tables.inputs import DayInputs, MovedTasks, new_record_files


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

    def find_moved(self, dirty: set[str], moved: MovedTasks) -> None:
        """Notes tasks whose new records stand under another day than what is held of them.

        Args:
            dirty: Days with new raw files.
            moved: Where they are noted.
        """
        files = [
            path
            for day in sorted(dirty)
            for path in new_record_files(self._directory, self._source, self._inputs[day])
        ]
        if not files:
            return
        self._engine.execute(
            "CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT task_id, day "
            f"FROM {parquet(files)} WHERE reason IS NULL"
        )
        held = self._directory.partitions("tasks", self._source)
        others = f"UNION ALL SELECT task_id, day FROM {parquet(held)}" if held else ""
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
        """Fills both tables for a batch, with what other days hold of its moved tasks.

        Records that were without a usable created_at before have sightings filed under no day.

        Args:
            batch: Raw files of the batch's days.
            moved: The tasks seen under more than one day.
        """
        own = {found.day for found in batch}
        tasks = moved.touching(own)
        beyond = sorted({day for days in tasks.values() for day in days} - own)
        self._engine.register("guests", pa.table({"task_id": pa.array(list(tasks), pa.string())}))
        away = [self._inputs[day] for day in beyond if day in self._inputs]
        undated = self._inputs[UNKNOWN_DAY].manifests if UNKNOWN_DAY in set(self._inputs) - own else ()
        for target, schema, home_files, away_files in (
            (
                "records",
                RECORDS,
                [path for found in batch for path in found.records],
                [path for found in away for path in found.records],
            ),
            (
                "sightings",
                MANIFESTS,
                [path for found in batch for path in found.manifests],
                [path for found in away for path in found.manifests],
            ),
        ):
            # What refused a record when it landed stays known, whatever a later contract says.
            refused = ["reason AS refused"] if target == "records" else []
            columns = ", ".join([*schema.names, *refused, "day"])
            # A day whose files were all set aside has none.
            self._engine.register("nothing", schema.append(pa.field("day", pa.string())).empty_table())
            parts = [f"SELECT {columns} FROM nothing"]
            if home_files:
                parts.append(f"SELECT {columns} FROM {parquet(home_files)}")
            if away_files:
                guests = "task_id IN (SELECT task_id FROM guests)"
                parts.append(f"SELECT {columns} FROM {parquet(away_files)} WHERE {guests}")
            if undated and target == "sightings":
                same = "content_hash IN (SELECT content_hash FROM records)"
                parts.append(f"SELECT {columns} FROM {parquet(undated)} WHERE {same}")
            union = " UNION ALL ".join(f"({part})" for part in parts)
            self._engine.execute(f"CREATE OR REPLACE TEMP TABLE {target} AS {union}")
            self._engine.unregister("nothing")
        self._engine.unregister("guests")
