"""What becomes of empty texts and of values with two places, and what a failed write leaves behind."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables import make_days, raw_view
from cbr_warehouse.tables.partition_writer import PartitionWriter
from support.landed_records import SOURCE, all_rows, land, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = "2026-11-19"


def made(folder: Path, *records: dict[str, Any]) -> DataDirectory:
    texts = [printed({"id": f"{n}", "created_at": f"{DAY}T01:00:00"} | one) for n, one in enumerate(records)]
    directory = land(folder, "L1", [(text, NOW) for text in texts])
    make(directory)
    return directory


def test_an_empty_text_is_null_except_where_text_may_be_empty(tmp_path: Path) -> None:
    """Alone in its record too: such a record may need no normal form, so that its text is read as it is."""
    empty: dict[str, dict[str, Any]] = {
        "status": {"status": ""},
        "started_at": {"started_at": ""},
        "error_code": {"error_info": {"code": ""}},
        "error_message": {"error_info": {"message": ""}},
        "backup_incremental": {"extra_info": {"backup": {"incremental": ""}}},
        "backup_name": {"extra_info": {"backup": {"backup_name": ""}}},
        "progress": {"extra_info": {"common": {"progress": ""}}},
    }
    found = rows(made(tmp_path, *empty.values()), "tasks", ("task_id", *empty))
    assert len(found) == len(empty)
    for name, row in zip(empty, found, strict=True):
        assert row[name] == ("" if name in {"status", "backup_name"} else None)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"fail_count": 1, "fail_delete_count": 2}, 1),
        ({"fail_delete_count": 2}, 2),
        ({"fail_count": None, "fail_delete_count": 2}, 2),
        ({"fail_count": 0, "fail_delete_count": 2}, 0),
        ({"fail_count": 1}, 1),
        ({}, None),
    ],
)
def test_a_value_with_two_names_is_the_first_that_there_is(
    tmp_path: Path, block: dict[str, Any], expected: int | None
) -> None:
    directory = made(tmp_path, {"extra_info": {"vault_delete": block}})
    assert rows(directory, "tasks", ("vault_delete_fail_count AS n",)) == [{"n": expected}]


def test_values_of_each_type(tmp_path: Path) -> None:
    block = {
        "backup": {"incremental": "1"},
        "common": {"progress": "55.0"},
        "sync": {"sync_backup_num": [1, 2]},
    }
    directory = made(tmp_path, {"ended_at": f"{DAY}T01:00:00+08:00", "status": 7.50, "extra_info": block})
    names = ("ended_at", "status", "backup_incremental", "progress", "sync_backup_num")
    (found,) = rows(directory, "tasks", names)
    assert found == {
        "ended_at": datetime(2026, 11, 18, 17, tzinfo=UTC),
        "status": "7.5",
        "backup_incremental": True,
        "progress": 55,
        "sync_backup_num": 2,
    }


def written(folder: Path) -> list[Path]:
    """Everything below the tables, notes of their state aside."""
    return [path for path in (folder / "tables").rglob("*") if ".state" not in path.parts]


@pytest.mark.fault("disk errors")
@pytest.mark.parametrize("days", [[DAY], [DAY, "2026-11-18"]])
def test_a_write_that_fails_leaves_no_file_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: list[str]
) -> None:
    plain = PartitionWriter._query

    def wrong(self: PartitionWriter, table: str, own: list[str]) -> str:
        return "SELECT nothing" if table == "task_versions" else plain(self, table, own)

    monkeypatch.setattr(PartitionWriter, "_query", wrong)
    with pytest.raises(duckdb.BinderException):
        made(tmp_path, *({"created_at": f"{day}T01:00:00"} for day in days))
    left = [path for path in written(tmp_path) if path.name.startswith("day=") or path.is_file()]
    assert left == []


@pytest.mark.parametrize(
    ("owner", "step"),
    [(raw_view.RawView, "fill"), (make_days, "follow_records"), (PartitionWriter, "_write")],
)
def test_a_step_that_needs_more_memory_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str
) -> None:
    """A batch of records of a megabyte each needs more than the engine has at first."""
    plain, left = getattr(owner, step), [1]

    def short(*values: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise duckdb.OutOfMemoryException("Out of Memory Error: too little")
        return plain(*values, **options)

    monkeypatch.setattr(owner, step, short)
    directory = made(tmp_path, {}, {"status": {}})
    assert left == [0]
    assert (len(rows(directory, "tasks")), len(rows(directory, "quarantine"))) == (1, 1)


@pytest.mark.parametrize("days", [[DAY], [DAY, "2026-11-18"]])
def test_a_table_without_rows_on_a_day_has_no_folder_for_it(tmp_path: Path, days: list[str]) -> None:
    directory = made(tmp_path, *({"created_at": f"{day}T01:00:00"} for day in days))
    folders = {path.parent.parent.name for path in written(tmp_path) if path.name.startswith("day=")}
    assert folders == {"tasks", "task_versions"}
    assert len(directory.partitions("tasks", SOURCE)) == len(days)
    assert all_rows(directory)["resources"] == []
