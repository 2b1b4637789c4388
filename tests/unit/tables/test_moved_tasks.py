"""Tasks whose created_at moves to another day: made again on both, and published so, whatever else came."""

import re
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cbr_warehouse.tables.build as room
from cbr_warehouse.errors import StorageError
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables import make_days
from cbr_warehouse.tables.build import forget_tables
from cbr_warehouse.tables.build_state import read_moved
from cbr_warehouse.tables.partition_files import mend
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.query import query
from support.landed_records import CONTRACT, SOURCE, all_rows, land, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def received(folder: Path, number: int, created_at: str) -> DataDirectory:
    record = printed({"id": "a", "created_at": created_at, "vault_name": f"at {created_at}"})
    write_load(DataDirectory(folder), LoadEntry(f"L{number}", SOURCE, NOW, "incremental"))
    return land(folder, f"L{number}", [(record, NOW + number * timedelta(hours=1))])


def test_a_task_that_moves_and_comes_back_stands_once_in_the_warehouse(tmp_path: Path) -> None:
    """Seen: nothing else came of the day it left, whose rows stayed in the warehouse and made it unsound."""
    for number, day in enumerate(("2026-11-17", "2026-11-18", "2026-11-17")):
        directory = received(tmp_path, number, f"{day}T01:00:00")
        make(directory)
        build_warehouse(directory, CONTRACT, AnalyticsSettings())
        assert query(directory.warehouse, "SELECT day::VARCHAR FROM tasks").rows == [(day,)]
        assert query(directory.warehouse, "SELECT count(*) FROM task_versions").rows == [
            (min(number, 1) + 1,)
        ]


def test_days_that_share_a_task_are_made_alike_in_a_batch_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, day in enumerate(("2026-11-17", "2026-11-18", "2026-11-16")):
        directory = received(tmp_path, number, f"{day}T01:00:00")
    make(directory)
    at_once = all_rows(directory)
    assert len(at_once["task_versions"]) == 3
    forget_tables(directory)
    monkeypatch.setattr(make_days, "BATCH_DAYS", 1)
    make(directory)
    assert all_rows(directory) == at_once


def make_killed(directory: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the tables, killed after the note of the first day."""

    def kill_after_first(*made: Any, note: Any = room.note_made, **more: Any) -> None:
        note(*made, **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(room, "note_made", kill_after_first)
        with pytest.raises(KeyboardInterrupt):
            make(directory)


Received = tuple[str, int]
"""Id of a task and the day on which a record says it was created."""


@settings(max_examples=15)
@given(
    loads=st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers(15, 18)), min_size=1, max_size=4),
        min_size=2,
        max_size=5,
    ),
    forgotten_after=st.none() | st.integers(0, 3),
)
@example(loads=[[("a", 15)], [("b", 15)], [("a", 16)], [("a", 15)], [("a", 16)]], forgotten_after=None)
@example(loads=[[("a", 15), ("b", 16)], [("a", 16)], [("b", 16), ("a", 17)], [("a", 15)]], forgotten_after=2)
def test_every_day_under_which_a_task_was_seen_is_noted(
    loads: list[list[Received]], forgotten_after: int | None
) -> None:
    """Load by load, and where the note of them was lost in between."""
    with tempfile.TemporaryDirectory() as folder:
        seen: dict[str, set[str]] = {}
        for number, received_now in enumerate(loads):
            records = [
                printed({"id": task, "created_at": f"2026-11-{day}T01:00:00", "vault_name": f"{number}"})
                for task, day in received_now
            ]
            moment = NOW + number * timedelta(hours=1)
            directory = land(Path(folder), f"L{number}", [(record, moment) for record in records])
            make(directory)
            for task, day in received_now:
                seen.setdefault(task, set()).add(f"2026-11-{day}")
            noted = read_moved(directory, SOURCE)
            assert noted is not None
            assert noted.days_of == {task: days for task, days in seen.items() if len(days) > 1}
            assert sorted(row["task_id"] for row in rows(directory, "tasks", ("task_id",))) == sorted(seen)
            if number == forgotten_after:
                directory.moved(SOURCE).unlink(missing_ok=True)
        made = all_rows(directory)
        forget_tables(directory)
        make(directory)
        assert all_rows(directory) == made


@pytest.mark.parametrize(("news", "is_searched"), [("a", False), ("new", True)])
def test_only_a_task_that_its_day_has_not_is_looked_for_in_all_others(
    tmp_path: Path, news: str, is_searched: bool
) -> None:
    """To look for it reads the ids of all tasks, for a change as for a new one."""
    for number, day in enumerate(("2026-11-17", "2026-11-18")):
        record = printed({"id": "ab"[number], "created_at": f"{day}T01:00:00"})
        directory = land(tmp_path, f"L{number}", [(record, NOW)])
    make(directory)
    other = directory.partition("tasks", SOURCE, "2026-11-18")
    other.write_bytes(bytes(other.stat().st_size))
    changed = printed({"id": news, "created_at": "2026-11-17T01:00:00", "status": "success"})
    land(tmp_path, "L2", [(changed, NOW)])
    with pytest.raises(StorageError) if is_searched else nullcontext():
        make(directory)
    assert (len(rows_of_day(directory, "2026-11-17")) == 2) != is_searched


def rows_of_day(directory: DataDirectory, day: str) -> list[Any]:
    return pq.read_table(directory.partition("task_versions", SOURCE, day), partitioning=None).to_pylist()


@pytest.mark.parametrize("moved_to", ["2026-11-16", "2026-11-18"])
@pytest.mark.fault("killed processes")
def test_a_task_stands_once_though_the_load_that_moved_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_to: str
) -> None:
    """Seen: the day of the two that was not made yet counted as made, and kept the task."""
    make(received(tmp_path, 0, "2026-11-17T01:00:00"))
    directory = received(tmp_path, 1, f"{moved_to}T01:00:00")
    make_killed(directory, monkeypatch)
    make(directory)
    assert rows(directory, "tasks", ("day",)) == [{"day": moved_to}]
    before = all_rows(directory)
    forget_tables(directory)
    make(directory)
    assert all_rows(directory) == before


@pytest.mark.parametrize("moved_to", ["2026-11-16", "2026-11-18"])
@pytest.mark.fault("killed processes")
def test_a_publication_after_a_killed_load_has_the_task_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_to: str
) -> None:
    """Seen: another source's publication showed one of the two days without the other, and no task at all."""
    directory = received(tmp_path, 0, "2026-11-17T01:00:00")
    make(directory)
    build_warehouse(directory, CONTRACT, AnalyticsSettings())
    received(tmp_path, 1, f"{moved_to}T01:00:00")
    make_killed(directory, monkeypatch)
    build_warehouse(directory, CONTRACT, AnalyticsSettings())
    assert query(directory.warehouse, "SELECT day::VARCHAR FROM tasks").rows == [("2026-11-17",)]
    make(directory)
    build_warehouse(directory, CONTRACT, AnalyticsSettings())
    assert query(directory.warehouse, "SELECT day::VARCHAR FROM tasks").rows == [(moved_to,)]


@pytest.mark.fault("damaged files")
def test_a_missing_note_of_moved_tasks_is_made_again(tmp_path: Path) -> None:
    """Seen: without it no task had ever moved, and a version of the task was lost for good."""
    for number, day in enumerate(("2026-11-17", "2026-11-18")):
        directory = received(tmp_path, number, f"{day}T01:00:00")
        make(directory)
    directory.moved(SOURCE).unlink()
    received(tmp_path, 2, "2026-11-19T01:00:00")
    make(directory)
    assert len(rows(directory, "task_versions")) == 3
    assert rows(directory, "tasks", ("day",)) == [{"day": "2026-11-19"}]


@pytest.mark.fault("damaged files")
def test_a_partition_that_is_gone_is_not_published_as_empty(tmp_path: Path) -> None:
    directory = received(tmp_path, 0, "2026-11-17T01:00:00")
    make(directory)
    build_warehouse(directory, CONTRACT, AnalyticsSettings())
    before = query(directory.warehouse, "SELECT count(*) FROM tasks").rows
    directory.partition("tasks", SOURCE, "2026-11-17").unlink()
    publication = build_warehouse(directory, CONTRACT, AnalyticsSettings(), fresh=True)
    assert re.search(r"day=2026-11-17.*is missing", publication.held_back[SOURCE])
    assert query(directory.warehouse, "SELECT count(*) FROM tasks").rows == before


@pytest.mark.fault("damaged files")
@pytest.mark.parametrize("moved_to", ["2026-11-17", "2026-11-19"])
def test_a_broken_partition_is_made_again_though_new_records_landed_and_a_task_moved(
    tmp_path: Path, moved_to: str
) -> None:
    """New records were compared with the partition that was to be made again, until a rebuild."""
    directory = received(tmp_path, 0, "2026-11-18T01:00:00")
    other = printed({"id": "b", "created_at": "2026-11-18T02:00:00"})
    land(tmp_path, "L1", [(other, NOW)])
    make(directory)
    received(tmp_path, 2, f"{moved_to}T01:00:00")
    directory.partition("tasks", SOURCE, "2026-11-18").write_bytes(b"no parquet")
    assert mend(directory, SOURCE, directory.days(SOURCE)) == ["2026-11-18"]
    make(directory)
    mended = all_rows(directory)
    assert {(row["task_id"], row["day"]) for row in mended["tasks"]} == {("a", moved_to), ("b", "2026-11-18")}
    forget_tables(directory)
    make(directory)
    assert all_rows(directory) == mended
