"""Records landed at given times, and the tables built from them, without a source."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.engine import open_engine, parquet
from cbr_warehouse.tables.sightings import fill_last_seen

CONTRACT = read_contract()
SOURCE = "prod"
TABLES = ("tasks", "task_versions", "resources", "resource_volumes", "replications", "quarantine")


def printed(record: object) -> bytes:
    """A record in the format of a source."""
    return json.dumps(record, ensure_ascii=False).encode()


def land(folder: Path, load_id: str, seen: Iterable[tuple[bytes, datetime]]) -> DataDirectory:
    """Lands records in one load, each received at its time."""
    directory = DataDirectory(folder)
    landing = Landing(
        directory, SOURCE, load_id, validator=RecordValidator(CONTRACT), contract=CONTRACT.fingerprint
    )
    for position, (text, at) in enumerate(seen):
        landing.land(ReceivedPage((text,), 1, 0, at, position))
    landing.flush()
    return directory


def make(directory: DataDirectory) -> None:
    """Builds the tables."""
    make_tables(directory, SOURCE, CONTRACT)


def rows(directory: DataDirectory, table: str, columns: Sequence[str] = ("*",)) -> list[dict[str, Any]]:
    """Rows of a table, in a fixed order; empty without a partition."""
    files = directory.partitions(table, SOURCE)
    if not files:
        return []
    with _engine().cursor() as engine:
        found = engine.execute(f"SELECT {', '.join(columns)} FROM {parquet(files)} ORDER BY ALL")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One engine for all queries of a process: to open one takes longer than to read a table."""
    engine = duckdb.connect()
    engine.execute("SET GLOBAL TimeZone = 'UTC'")
    engine.execute("SET GLOBAL enable_external_file_cache = false")  # files are replaced while it is open
    return engine


def last_seen(directory: DataDirectory) -> dict[tuple[str, ...], datetime]:
    """When each version (task and its hash) and each quarantined record (its text) was last seen."""
    with open_engine(directory.root) as engine:
        fill_last_seen(engine, directory, SOURCE, directory.days(SOURCE), None)
        return seen_by_key(engine, directory)


def seen_by_key(
    engine: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> dict[tuple[str, ...], datetime]:
    """The same, of the sightings that the engine was filled with; first sights where there are none."""
    found: dict[tuple[str, ...], datetime] = {}
    keys = {"version_sightings": ("task_id", "version_hash"), "quarantine_sightings": ("record_text",)}
    tables = {"version_sightings": "task_versions", "quarantine_sightings": "quarantine"}
    for sightings, key in keys.items():
        for row in rows(directory, tables[sightings], (*key, "first_seen_at")):
            found[tuple(row[name] for name in key)] = row["first_seen_at"]
        for *own, seen in engine.execute(
            f"SELECT {', '.join(key)}, last_seen_at FROM {sightings}"
        ).fetchall():
            if tuple(own) in found:
                found[tuple(own)] = max(found[tuple(own)], seen)
    return found


def all_rows(directory: DataDirectory) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    return {table: rows(directory, table) for table in TABLES}
