"""Records landed at given times, and the tables built from them, without a source."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import Received
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.engine import parquet

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
    landing.land([Received(text, 1, 0, position, at) for position, (text, at) in enumerate(seen)])
    return directory


def make(directory: DataDirectory) -> None:
    """Builds the tables."""
    make_tables(directory, SOURCE, CONTRACT)


def rows(directory: DataDirectory, table: str, columns: Sequence[str] = ("*",)) -> list[dict[str, Any]]:
    """Rows of a table, in a fixed order; empty without a partition."""
    files = directory.partitions(table, SOURCE)
    if not files:
        return []
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        found = engine.execute(f"SELECT {', '.join(columns)} FROM {parquet(files)} ORDER BY ALL")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def all_rows(directory: DataDirectory) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    return {table: rows(directory, table) for table in TABLES}
