"""Collects the raw records of a pack from the data directory, and what the ledgers said of its days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.errors import StorageError
from cbr_warehouse.evidence.layout import COVERAGE, LOADS, inventory_of, raw_file, records_of, sightings_of
from cbr_warehouse.raw.damage import find_damaged
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.tables.build_state import DayInputs, MovedTasks, day_inputs
from cbr_warehouse.tables.engine import do_within_memory, open_engine
from cbr_warehouse.tables.raw_view import RawView, drop_batch

_OPTIONS = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 12288"

_WRITTEN = {
    records_of: "FROM records ORDER BY day, content_hash, load_id, fetched_at, sweep, page, position",
    sightings_of: "FROM sightings ORDER BY day, content_hash, load_id, fetched_at, is_stored",
}


@dataclass(frozen=True)
class CollectedRaw:
    """What was collected.

    Attributes:
        days: Days that raw records are filed under, by source.
        files: The files written, relative to the folder, by raw table.
    """

    days: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]


def collect_raw(
    directory: DataDirectory,
    contract: Contract,
    published: duckdb.DuckDBPyConnection,
    sources: Sequence[str],
    cut: datetime,
    folder: Path,
) -> CollectedRaw:
    """Writes the raw tables of a pack.

    Args:
        directory: The data directory.
        contract: The contract; records that another one validated are validated again.
        published: The published warehouse.
        sources: The sources.
        cut: The end of the pack's period, UTC: no day after it is needed.
        folder: Where the files are written.

    Raises:
        StorageError: Raw files are damaged, or a load replaced them meanwhile.
    """
    (folder / "raw").mkdir()
    last = cut.astimezone(UTC).date().isoformat()
    days: dict[str, tuple[str, ...]] = {}
    files: dict[str, str] = {}
    for source in sources:
        wanted = [day for day in directory.raw_days(source) if day <= last or day == UNKNOWN_DAY]
        _require_undamaged(directory, source, wanted)
        try:
            days[source] = tuple(_collect_source(directory, contract, source, wanted, folder))
        except duckdb.IOException as error:
            raise StorageError(
                f"{directory.raw}: a file of {source} cannot be read ({str(error).splitlines()[0]}). "
                "If a load ran meanwhile, it may have replaced the file: try again."
            ) from error
        files |= {name(source): raw_file(name(source)) for name in _WRITTEN}
    copied = {COVERAGE: COVERAGE, LOADS: LOADS} | {inventory_of(name): name for name in ALL_INVENTORY_TABLES}
    for name, table in copied.items():
        rows = published.sql(
            f"SELECT * FROM main.{table} WHERE source IN (SELECT unnest($1)) ORDER BY ALL",
            params=[list(sources)],
        ).to_arrow_table()
        files[name] = raw_file(name)
        pq.write_table(rows, folder / files[name], compression="zstd")
    return CollectedRaw(days, files)


def _collect_source(
    directory: DataDirectory, contract: Contract, source: str, days: Sequence[str], folder: Path
) -> list[str]:
    """Writes the records and sightings of a source; returns the days that records are filed under."""
    inputs: dict[str, DayInputs] = {day: day_inputs(directory, source, day, contract) for day in days}
    with open_engine(folder, 1) as engine:
        view = RawView(engine, directory, source, contract, inputs)
        fill = partial(view.fill, list(inputs.values()), MovedTasks(), all_contested=True)
        do_within_memory(engine, fill)
        engine.execute("SET preserve_insertion_order = true")
        for name, rows in _WRITTEN.items():
            place = literal(folder / raw_file(name(source)))
            copy = partial(engine.execute, f"COPY ({rows}) TO {place} ({_OPTIONS})")
            do_within_memory(engine, copy)
        filed = engine.execute("SELECT DISTINCT day FROM records ORDER BY day").fetchall()
        drop_batch(engine)
    return [day for (day,) in filed]


def _require_undamaged(directory: DataDirectory, source: str, days: Sequence[str]) -> None:
    if damaged := find_damaged(directory, source, sorted(days)):
        raise StorageError(
            f"{directory.raw}: {len(damaged)} files of {source} are damaged, so that no evidence can be made "
            "of it. 'cbr-warehouse verify' names them; restore them from a backup."
        )
