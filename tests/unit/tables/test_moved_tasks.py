"""Tasks whose created_at moves to another day: made again on both, and published so, whatever else came."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import cbr_warehouse.tables.build as room
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import forget_tables
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


@pytest.mark.parametrize("moved_to", ["2026-11-16", "2026-11-18"])
def test_a_task_stands_once_though_the_load_that_moved_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_to: str
) -> None:
    """Seen: the day of the two that was not made yet counted as made, and kept the task."""
    make(received(tmp_path, 0, "2026-11-17T01:00:00"))
    directory = received(tmp_path, 1, f"{moved_to}T01:00:00")

    def kill_after_first(*made: Any, note: Any = room.note_made) -> None:
        note(*made)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(room, "note_made", kill_after_first)
        with pytest.raises(KeyboardInterrupt):
            make(directory)
    make(directory)
    assert rows(directory, "tasks", ("day",)) == [{"day": moved_to}]
    before = all_rows(directory)
    forget_tables(directory)
    make(directory)
    assert all_rows(directory) == before
