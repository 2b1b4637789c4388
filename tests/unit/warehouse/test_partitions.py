"""Which partitions a publication takes over, and that it replaces their rows and no others."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.build_state import made_partitions
from cbr_warehouse.warehouse.last_seen import update_last_seen
from cbr_warehouse.warehouse.partitions import broken_partitions, changed_partitions, replace_partitions
from support.landed_records import CONTRACT, SOURCE, land, make, printed
from support.small_warehouse import create_tables

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = ("2026-11-18", "2026-11-19")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        create_tables(engine)
        engine.execute("BEGIN")
        yield engine


def task(name: str, day: str, **values: Any) -> bytes:
    return printed({"id": name, "created_at": f"{day}T01:00:00"} | values)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    records = [task("a", DAYS[0]), task("b", DAYS[1]), printed({"id": "undated"})]
    directory = land(tmp_path, "L1", [(record, NOW) for record in records])
    make(directory)
    return directory


def changed(connection: duckdb.DuckDBPyConnection, directory: DataDirectory) -> dict[tuple[str, str], str]:
    return changed_partitions(connection, directory, [SOURCE])


def publish(connection: duckdb.DuckDBPyConnection, directory: DataDirectory) -> list[str]:
    found = changed(connection, directory)
    replace_partitions(connection, directory, CONTRACT, found)
    update_last_seen(connection, directory, [SOURCE], found)
    return sorted(day for _, day in found)


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


TASKS = "SELECT task_id, day::VARCHAR, status FROM tasks ORDER BY ALL"


def test_only_days_that_were_made_again_are_replaced(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> None:
    made = made_partitions(directory, SOURCE)
    assert changed(connection, directory) == {(SOURCE, day): made[day] for day in (*DAYS, UNKNOWN_DAY)}
    assert publish(connection, directory) == [*DAYS, UNKNOWN_DAY]
    assert rows(connection, TASKS) == [("a", DAYS[0], None), ("b", DAYS[1], None)]
    assert rows(connection, "SELECT task_id, day FROM quarantine") == [("undated", None)]
    assert publish(connection, directory) == []
    land(directory.root, "L2", [(task("b", DAYS[1], status="success"), NOW.replace(hour=13))])
    make(directory)
    connection.execute("UPDATE tasks SET status = 'as it was' WHERE task_id = 'a'")
    assert publish(connection, directory) == [DAYS[1]]
    assert rows(connection, TASKS) == [("a", DAYS[0], "as it was"), ("b", DAYS[1], "success")]
    noted = rows(connection, "SELECT source, day, fingerprint FROM meta.partitions ORDER BY day")
    made = made_partitions(directory, SOURCE)
    assert noted == [(SOURCE, day, made[day]) for day in (*DAYS, UNKNOWN_DAY)]


def test_rows_of_other_sources_stay(connection: duckdb.DuckDBPyConnection, directory: DataDirectory) -> None:
    publish(connection, directory)
    for table in ("tasks", "task_versions", "quarantine"):
        connection.execute(f"UPDATE {table} SET source = 'other'")
    connection.execute("UPDATE meta.partitions SET source = 'other'")
    publish(connection, directory)
    for table in ("tasks", "task_versions", "quarantine", "meta.partitions"):
        found = dict(rows(connection, f"SELECT source, count(*) FROM {table} GROUP BY ALL"))
        assert found["other"] == found[SOURCE]


def test_a_day_without_files_has_no_rows(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> None:
    publish(connection, directory)
    connection.execute("UPDATE meta.partitions SET fingerprint = 'another'")
    for path in directory.partitions("tasks", SOURCE):
        path.unlink()
    publish(connection, directory)
    assert rows(connection, TASKS) == []
    assert len(rows(connection, "FROM task_versions")) == 2


def test_last_seen_is_the_first_sight_until_there_is_another(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> None:
    publish(connection, directory)
    seen = "SELECT task_id, first_seen_at, last_seen_at FROM {} ORDER BY ALL"
    assert rows(connection, seen.format("task_versions")) == [("a", NOW, NOW), ("b", NOW, NOW)]
    later, latest = NOW.replace(hour=13), NOW.replace(hour=14)
    land(directory.root, "L2", [(task("a", DAYS[0]), later), (printed({"id": "undated"}), later)])
    make(directory)
    assert publish(connection, directory) == []
    assert rows(connection, seen.format("task_versions")) == [("a", NOW, later), ("b", NOW, NOW)]
    assert rows(connection, seen.format("quarantine")) == [("undated", NOW, later)]
    land(directory.root, "L3", [(task("b", DAYS[1]), latest)])
    assert publish(connection, directory) == []
    assert rows(connection, seen.format("task_versions")) == [("a", NOW, later), ("b", NOW, latest)]
    assert rows(connection, "SELECT * FROM meta.sightings") == [(SOURCE, "L3")]


def test_a_day_that_is_replaced_keeps_when_its_rows_were_last_seen(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> None:
    """Their sightings are older than those that were read for the last publication."""
    later = NOW.replace(hour=13)
    for load_id, again in (
        ("L2", [task("a", DAYS[0]), printed({"id": "undated"})]),
        ("L3", [task("b", DAYS[1])]),
    ):
        land(directory.root, load_id, [(record, later) for record in again])
        make(directory)
        publish(connection, directory)
    more = [task("c", DAYS[0]), printed({"id": "undated too"})]
    land(directory.root, "L4", [(record, NOW.replace(hour=14)) for record in more])
    make(directory)
    assert publish(connection, directory) == [DAYS[0], UNKNOWN_DAY]
    seen = "SELECT last_seen_at FROM {} WHERE task_id IN ('a', 'undated')"
    assert rows(connection, seen.format("task_versions")) == [(later,)]
    assert rows(connection, seen.format("quarantine")) == [(later,)]


@pytest.mark.fault("damaged files")
def test_a_damaged_note_of_moved_tasks_holds_back_no_day(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory
) -> None:
    publish(connection, directory)
    connection.execute("UPDATE meta.partitions SET fingerprint = 'another'")
    directory.moved(SOURCE).write_bytes(b"damaged")
    assert publish(connection, directory) == [*DAYS, UNKNOWN_DAY]


@pytest.mark.fault("damaged files")
def test_broken_days_are_named_by_source(directory: DataDirectory) -> None:
    places = [(SOURCE, DAYS[1]), ("other", DAYS[0]), (SOURCE, DAYS[0])]
    assert broken_partitions(directory, places) == {}
    for day in DAYS:
        directory.partition("tasks", SOURCE, day).unlink()
    found = broken_partitions(directory, places)
    assert list(found) == [SOURCE]
    assert list(found[SOURCE]) == list(DAYS)
    assert str(directory.partition("tasks", SOURCE, DAYS[0])) in found[SOURCE][DAYS[0]]
