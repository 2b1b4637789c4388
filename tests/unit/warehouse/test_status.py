"""The state of each source, as ``status`` and ``metrics`` have it, from rows that are written down here."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse import __version__
from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_reason import explain
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.metrics import GAUGES, PREFIX, collect_samples, print_metrics
from cbr_warehouse.warehouse.status import DaysNotComplete, SourceStatus, read_status
from support.landed_records import CONTRACT

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def day(number: int) -> date:
    return date(2026, 11, number)


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        columns = ", ".join(f"${name} AS {name}" for name in row)
        connection.execute(f"INSERT INTO {table} BY NAME SELECT {columns}", row)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    directory = DataDirectory(tmp_path_factory.mktemp("status"))
    tasks = [
        {"task_id": "a", "created_at": NOW - 9 * HOUR, "status": "success", "ended_at": NOW - 8 * HOUR},
        {"task_id": "b", "created_at": NOW - 5 * HOUR, "status": "running"},
        {"task_id": "c", "created_at": NOW - 7 * HOUR, "status": "failed"},
        {"task_id": "d", "created_at": NOW - 6 * HOUR},
    ]
    counts = {"held": 0, "quarantined": 0, "expired": 0}
    states = [
        (15, "lost", None, NOW),
        (16, "unverified", "edge_of_retention", NOW),
        (17, "complete", None, NOW),
        (18, "unverified", "not_looked_at", None),
        (19, "incomplete", "source_has_more", NOW),
        (20, "open", None, NOW),
    ]
    refused = [{"record_text": "x", "resolved_at": None}, {"record_text": "y", "resolved_at": NOW}]
    seen = {"first_seen_at": NOW, "last_seen_at": NOW, "reason": "broken"}
    loads = [
        {"load_id": "L1", "outcome": "done", "message": None, "source": "prod"},
        {"load_id": "L2", "outcome": "failed", "message": "It is away.", "source": "prod"},
        {"load_id": "L1", "outcome": "interrupted", "message": None, "source": "empty"},
    ]
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in create_statements(CONTRACT):
            connection.execute(statement)
        insert(
            connection, "tasks", [{"source": "prod", "day": day(20), "extra": "{}"} | one for one in tasks]
        )
        insert(connection, "quarantine", [{"source": "prod"} | seen | one for one in refused])
        insert(
            connection,
            "coverage",
            [
                {"source": "prod", "day": day(number), "state": state, "reason": why, "checked_at": at}
                | counts
                for number, state, why, at in states
            ],
        )
        insert(connection, "loads", [{"started_at": NOW - HOUR, "purpose": "deep"} | one for one in loads])
    return directory


def test_every_number_of_a_source(directory: DataDirectory) -> None:
    found = read_status(directory.warehouse, datetime(2026, 11, 16, 6, tzinfo=UTC))
    empty, prod = found
    causes = [
        ("incomplete", "source_has_more", 19),
        ("lost", None, 15),
        ("unverified", "edge_of_retention", 16),
        ("unverified", "not_looked_at", 18),
    ]
    for (state, reason, number), one in zip(causes, prod.not_complete, strict=True):
        explained = explain(state, reason)
        assert explained is not None
        days = (1, day(number), day(number))
        assert one == DaysNotComplete(state, reason, *days, explained.why, explained.remedy)
    assert prod == SourceStatus(
        source="prod",
        newest=NOW - 5 * HOUR,
        tasks=4,
        open_tasks=2,
        complete=1,
        incomplete=1,
        unverified=0,
        lost=1,
        never_loaded=1,
        beyond_retention=1,
        quarantined=1,
        last_load="L2",
        last_load_at=NOW - HOUR,
        last_outcome="failed",
        last_message="It is away.",
        hours_left=42.0,
        not_complete=prod.not_complete,
    )
    assert (empty.source, empty.newest, empty.tasks, empty.hours_left) == ("empty", None, 0, None)
    assert (empty.last_outcome, empty.not_complete) == ("interrupted", ())


def test_without_a_warehouse_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"There is no warehouse yet at .*'cbr-warehouse load'"):
        read_status(tmp_path / "warehouse.duckdb", NOW)


def samples(directory: DataDirectory, now: datetime = NOW) -> dict[tuple[str, ...], float]:
    return {(one.name, *one.labels): one.value for one in collect_samples(directory, now)}


def test_metrics_of_a_source_are_those_of_its_status(directory: DataDirectory) -> None:
    now = datetime(2026, 11, 16, 6, tzinfo=UTC) + RETENTION
    found = samples(directory, now)
    assert found["metrics_timestamp_seconds",] == now.timestamp()
    assert found["published_bytes",] == directory.warehouse.stat().st_size
    assert found["published_timestamp_seconds",] == directory.warehouse.stat().st_mtime
    assert found["free_bytes",] > 0
    assert found["info", __version__] == 1
    assert [found[name, "prod"] for name in ("tasks", "open_tasks", "quarantined_records")] == [4, 2, 1]
    assert found["newest_task_timestamp_seconds", "prod"] == (NOW - 5 * HOUR).timestamp()
    assert found["newest_task_age_seconds", "prod"] == (now - NOW + 5 * HOUR).total_seconds()
    assert found["retention_left_seconds", "prod"] == 42 * 3600
    assert ("retention_left_seconds", "empty") not in found
    assert ("newest_task_age_seconds", "empty") not in found
    states = {key[2:]: value for key, value in found.items() if key[:2] == ("day_states", "prod")}
    assert states == {
        ("complete", ""): 1,
        ("incomplete", ""): 0,
        ("incomplete", "source_has_more"): 1,
        ("unverified", ""): 0,
        ("unverified", "edge_of_retention"): 1,
        ("unverified", "not_looked_at"): 1,
        ("lost", ""): 1,
    }


def test_metrics_before_anything_was_loaded(tmp_path: Path) -> None:
    found = samples(DataDirectory(tmp_path / "not" / "there"))
    assert (found["published_timestamp_seconds",], found["published_bytes",]) == (0, 0)
    assert found["free_bytes",] > 0
    assert [
        found[name, folder] for name in ("files", "bytes") for folder in ("raw", "tables", "reports")
    ] == ([0] * 6)
    assert {key[0] for key in found} == {
        *(
            "info",
            "metrics_timestamp_seconds",
            "published_timestamp_seconds",
            "published_bytes",
            "free_bytes",
        ),
        *("files", "bytes"),
    }


def entry(number: int, **values: Any) -> LoadEntry:
    return LoadEntry(f"L{number}", "prod", NOW + number * HOUR, "deep", **values)


def of_loads(folder: Path, *entries: LoadEntry) -> dict[str, float]:
    directory = DataDirectory(folder)
    for one in entries:
        write_load(directory, one)
    return {".".join((one.name, *one.labels)): one.value for one in collect_samples(directory, NOW)}


def test_metrics_of_the_last_load_that_ended_and_of_the_last_one(tmp_path: Path) -> None:
    numbers = {"requests": 1, "rate_limited": 2, "received_bytes": 3, "records": 4, "new": 5}
    found = of_loads(
        tmp_path,
        entry(1, outcome="done", finished_at=NOW + 1.5 * HOUR, requests=99),
        entry(2, outcome="done", finished_at=NOW + 2.5 * HOUR, requests=98),
        entry(3, outcome="failed", finished_at=NOW + 4 * HOUR, **numbers),
        entry(4),
    )
    assert found["last_load_timestamp_seconds.prod"] == (NOW + 4 * HOUR).timestamp()
    outcomes = {name: found[f"last_load_outcome.prod.{name}"] for name in ("done", "failed", "interrupted")}
    assert outcomes == {"done": 0, "failed": 0, "interrupted": 1}
    assert found["last_success_timestamp_seconds.prod"] == (NOW + 2.5 * HOUR).timestamp()
    assert found["last_load_duration_seconds.prod"] == 3600
    names = ("requests", "rate_limited_requests", "received_bytes", "records", "new_records")
    assert [found[f"last_load_{name}.prod"] for name in names] == [1, 2, 3, 4, 5]
    assert (found["files.raw"], found["bytes.raw"] > 0) == (4, True)


def test_metrics_of_a_first_load_that_has_not_ended(tmp_path: Path) -> None:
    found = of_loads(tmp_path, entry(1))
    assert found["last_load_outcome.prod.interrupted"] == 1
    assert not {name for name in found if name.startswith(("last_success", "last_load_duration"))}
    assert not {name for name in found if "requests" in name}


def test_numbers_that_a_load_did_not_note_are_left_out(tmp_path: Path) -> None:
    found = of_loads(tmp_path, entry(1, outcome="done", finished_at=NOW + 2 * HOUR, requests=7))
    assert found["last_load_requests.prod"] == 7
    assert "last_load_records.prod" not in found


def test_the_text_has_every_metric_with_its_help_and_labels(directory: DataDirectory) -> None:
    text = print_metrics(directory, NOW)
    for name, (explained, _) in GAUGES.items():
        assert f"# HELP {PREFIX}{name} {explained}\n# TYPE {PREFIX}{name} gauge\n" in text
    assert f'{PREFIX}day_states{{reason="not_looked_at",source="prod",state="unverified"}} 1.0' in text
    assert f'{PREFIX}tasks{{source="prod"}} 4.0' in text
