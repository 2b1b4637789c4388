"""What notebooks and scripts read with: frames in UTC, read-only, one whole picture, and clear refusals."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse
from support.small_log import SmallLog, at


def log_of(*days: str) -> SmallLog:
    log = SmallLog()
    for day in days:
        log.backup("disk", f"{day} 01:00")
    log.task("sync", "2026-03-08 12:00", status="failed")
    return log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return log_of("2026-03-07", "2026-03-08").publish(tmp_path / "warehouse.duckdb", comments=True)


@pytest.fixture
def warehouse(path: Path) -> Iterator[Warehouse]:
    with open_warehouse(path.parent) as opened:
        yield opened


def test_a_folder_or_the_file_itself_can_be_named(path: Path) -> None:
    with open_warehouse(path) as one, open_warehouse(str(path.parent)) as other:
        assert one.as_of == other.as_of == at("2026-03-10")


def test_tasks_are_chosen_by_time_and_word(warehouse: Warehouse) -> None:
    assert len(warehouse.tasks()) == 3
    assert len(warehouse.tasks(since="2026-03-08")) == 2
    assert len(warehouse.tasks(since=date(2026, 3, 8), operation_type="backup")) == 1
    assert len(warehouse.tasks(until=datetime(2026, 3, 7, 1, tzinfo=UTC))) == 0
    assert list(warehouse.tasks(status="failed")["operation_type"]) == ["sync"]
    assert len(warehouse.tasks(source="elsewhere")) == 0
    assert str(warehouse.tasks()["created_at"].dt.tz) == "UTC"


def test_a_view_comes_as_frame_table_or_relation(warehouse: Warehouse) -> None:
    frame = warehouse.view("protection_coverage")
    assert isinstance(frame, pd.DataFrame)
    assert warehouse.view("protection_coverage", "arrow").num_rows == len(frame)
    relation = warehouse.view("protection_coverage", "duckdb")
    assert len(relation.filter("resources > 0").fetchall()) == len(frame)


@pytest.mark.fault("statements that write")
def test_values_are_parameters_and_never_sql(warehouse: Warehouse) -> None:
    found = warehouse.sql("SELECT count(*) AS n FROM tasks WHERE task_id = $id", {"id": "' OR true --"})
    assert found["n"][0] == 0


def test_what_there_is_not_is_refused_with_what_there_is(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="protection_coverage"):
        warehouse.view("protection")
    with pytest.raises(UsageError, match="task_versions"):
        warehouse.table("task")
    with pytest.raises(WarehouseError, match="The query failed"):
        warehouse.sql("SELECT nothing FROM nowhere")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tasks",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TABLE memory.main.t AS SELECT 1",
        "COPY tasks TO '/tmp/x.csv'",
        "FROM '/etc/passwd'",
    ],
)
@pytest.mark.fault("statements that write")
def test_nothing_can_be_written_and_no_other_file_read(warehouse: Warehouse, statement: str) -> None:
    with pytest.raises(WarehouseError):
        warehouse.sql(statement)


@pytest.mark.fault("unreadable warehouse")
def test_no_warehouse_and_a_broken_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="cbr-warehouse load"):
        open_warehouse(tmp_path)
    (tmp_path / "warehouse.duckdb").write_bytes(b"no database")
    with pytest.raises(WarehouseError, match="cbr-warehouse rebuild"):
        open_warehouse(tmp_path)


def test_a_reader_keeps_its_picture_and_one_opened_later_sees_the_new_one(
    path: Path, warehouse: Warehouse
) -> None:
    """DuckDB gave a process one picture of a path: a notebook that opened it again saw the old one."""
    newer = log_of("2026-03-07", "2026-03-08", "2026-03-09").publish(path.with_name("newer.duckdb"))
    newer.replace(path)
    assert len(warehouse.tasks()) == 3
    with open_warehouse(path) as later:
        assert len(later.tasks()) == 4
        assert len(later.sql("FROM warehouse.main.tasks")) == 4
    assert len(warehouse.tasks()) == 3


@pytest.mark.parametrize("since", ["yesterday", "7 days", "", 5, pd.NaT])
def test_a_time_that_is_none_is_refused_with_what_is_allowed(warehouse: Warehouse, since: Any) -> None:
    with pytest.raises(UsageError, match=r"since .* is not a time\. Give .*2026-11-24"):
        warehouse.tasks(since=since)


def test_a_form_of_answer_that_there_is_not_is_refused(warehouse: Warehouse) -> None:
    """A frame came instead."""
    with pytest.raises(UsageError, match="pandas, polars, arrow, duckdb"):
        warehouse.view("protection_coverage", "numpy")  # type: ignore[call-overload]


def test_a_macro_is_asked_with_its_arguments(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match=r"as_known_at\("):
        warehouse.view("as_known_at")


@pytest.mark.fault("statements that write")
def test_a_setting_cannot_be_changed(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="SET statements are not permitted"):
        warehouse.sql("SET threads = 1")


def test_a_warehouse_without_analytics_is_made_again(tmp_path: Path) -> None:
    """One of an earlier version ended in an unexpected error."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE tasks (task_id VARCHAR)")
    with open_warehouse(tmp_path) as opened:
        for ask in (lambda: opened.settings, lambda: opened.as_of, lambda: opened.view("attempt")):
            with pytest.raises(WarehouseError, match="cbr-warehouse rebuild"):
                ask()


def test_names_and_settings_tell_what_a_number_is_made_of(warehouse: Warehouse) -> None:
    names = warehouse.names()
    assert {"tasks", "attempt", "protection_coverage"} <= set(names["name"])
    assert names[names["schema"] == "analytics"]["comment"].notna().all()
    assert warehouse.settings["timezone"] == "UTC"
