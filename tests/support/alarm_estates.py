"""Estates of the emulator with signals, flattened and analyzed without HTTP: their alarms beside their truth.

Records go through the real validation, raw files, flattening and analytics. Several estates share a source
and a warehouse, which is cheaper; no alarm reads across vaults and resources, and no id is in two estates.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from cbr_emulator.estate.generate import Estate, generate_estate
from cbr_emulator.server.auth import PROJECT
from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.engine import parquet
from support.alarm_matching import ALARMS, Alarm
from support.small_warehouse import create_tables

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
"""The present of every estate: the clocks of Europe, America and Australia changed in the weeks before."""

TASKS = 1200
"""Tasks of an estate besides those of its signals."""

SOURCE, LOAD = "estates", "20261120T013000000000Z-00000001"
PAGE = 1000

_SPANS = {
    "mass_deletion": ("began_at", "last_at", "[]"),
    "backups_stopped": ("raised_at", "raised_at", "resource_ids"),
    "retention_shortened": ("raised_at", "raised_at", "[]"),
    "policy_edited": ("edited_by", "edited_by", "[]"),
    "duration_jump": ("began_at", "last_at", "[resource_id]"),
    "strike": ("began_at", "last_at", "[resource_id]"),
}
"""Of each alarm the columns of its span, and the resources that it is about."""


@dataclass(frozen=True)
class Analyzed:
    """An estate with the alarms that were raised in it.

    Attributes:
        estate: The estate.
        alarms: The alarms.
        resource_months: How long its resources were seen, in months of 30 days.
    """

    estate: Estate
    alarms: tuple[Alarm, ...]
    resource_months: float


def days_of(seed: int) -> int:
    """How many days the estate of a seed has run: 60 to 90."""
    return 60 + seed % 4 * 10


def analyze(seeds: Sequence[int], settings: AnalyticsSettings | None = None) -> Iterator[Analyzed]:
    """Generates the estates of seeds and raises their alarms, all in one warehouse."""
    estates = [generate_estate(TASKS, days_of(seed), seed, NOW, has_signals=True) for seed in seeds]
    with tempfile.TemporaryDirectory() as folder:
        connection = _load(Path(folder), estates, settings or AnalyticsSettings())
        try:
            raised = list(_raised(connection))
            months = _resource_months(connection)
        finally:
            connection.close()
    for estate in estates:
        own = {task.vault_id for task in estate.tasks if task.vault_id}
        resources = {task.resource["id"] for task in estate.tasks if task.resource}
        alarms = tuple(alarm for alarm in raised if alarm.subjects & (own | resources))
        yield Analyzed(estate, alarms, sum(months.get(resource, 0) for resource in resources))


def _load(folder: Path, estates: Sequence[Estate], settings: AnalyticsSettings) -> duckdb.DuckDBPyConnection:
    contract, directory = read_contract(), DataDirectory(folder)
    landing = Landing(
        directory, SOURCE, LOAD, validator=RecordValidator(contract), contract=contract.fingerprint
    )
    texts = [
        task.record_at(NOW, PROJECT) for estate in estates for task in estate.tasks if task.created_at < NOW
    ]
    for position, first in enumerate(range(0, len(texts), PAGE)):
        landing.land(ReceivedPage(texts[first : first + PAGE], 1, position, NOW))
    landing.flush()
    make_tables(directory, SOURCE, contract)
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("ATTACH ':memory:' AS warehouse; USE warehouse; SET TimeZone = 'UTC'")
    create_tables(connection)
    for table in ("tasks", "task_versions", "resources", "resource_volumes", "replications"):
        last_seen = ", first_seen_at AS last_seen_at" if table == "task_versions" else ""
        files = parquet(directory.partitions(table, SOURCE))
        connection.execute(f"INSERT INTO {table} BY NAME SELECT *{last_seen} FROM {files}")
    _note_load(connection, min(task.created_at for estate in estates for task in estate.tasks))
    bring_up(connection, settings, (), has_comments=False)
    return connection


def _note_load(connection: duckdb.DuckDBPyConnection, first: datetime) -> None:
    """One finished load that read everything, and every day complete."""
    connection.execute(
        "INSERT INTO loads BY NAME SELECT $1 AS load_id, $2 AS source, $3 AS started_at, $3 AS finished_at, "
        "'incremental' AS purpose, 'done' AS outcome",
        [LOAD, SOURCE, NOW],
    )
    connection.execute(
        "INSERT INTO coverage BY NAME SELECT $1 AS source, day::DATE AS day, 0 AS counted, 0 AS held, "
        "0 AS quarantined, 0 AS expired, 'complete' AS state, $3 AS checked_at "
        "FROM generate_series($2::DATE::TIMESTAMP, $3::DATE::TIMESTAMP, INTERVAL 1 DAY) AS d (day)",
        [SOURCE, first, NOW],
    )


def _raised(connection: duckdb.DuckDBPyConnection) -> Iterator[Alarm]:
    for name in ALARMS:
        began, ended, resources = _SPANS[name]
        rows = _rows(
            connection,
            f"SELECT vault_id, {began} AS began, {ended} AS ended, {resources}::VARCHAR[] AS resources "
            f"FROM analytics.{name} ORDER BY ALL",
        )
        for row in rows:
            resources_of = frozenset(row["resources"])
            yield Alarm(name, row["vault_id"], resources_of, _utc(row["began"]), _utc(row["ended"]))


def _resource_months(connection: duckdb.DuckDBPyConnection) -> Mapping[str, float]:
    rows = _rows(
        connection,
        "SELECT resource_id, epoch(least(coalesce(removed_at, as_of), as_of) - first_attempt_at) AS seconds "
        "FROM analytics.resource CROSS JOIN analytics.as_of",
    )
    month = timedelta(days=30).total_seconds()
    return {row["resource_id"]: row["seconds"] / month for row in rows}


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
