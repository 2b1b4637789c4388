"""A link that leads to itself, in place of a file or folder of a day, is as if there were nothing."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.build_state import read_state
from cbr_warehouse.tables.partition_files import find_broken, lacks_files
from support.landed_records import CONTRACT, SOURCE, all_rows, land, make, printed

DAY = "2026-11-19"
RECORD = printed({"id": "a", "created_at": f"{DAY}T01:00:00", "status": "success"})


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def test_a_partition_is_made_again(tmp_path: Path) -> None:
    directory = land(tmp_path, "L1", [(RECORD, datetime(2026, 11, 20, tzinfo=UTC))])
    make(directory)
    before, path = all_rows(directory), directory.partition("tasks", SOURCE, DAY)
    path.unlink()
    loop(path)
    state = read_state(directory, SOURCE, DAY)
    assert state is not None
    assert lacks_files(directory, SOURCE, DAY, state)
    assert "is missing" in find_broken(directory, SOURCE, [DAY])[DAY]
    make_tables(directory, SOURCE, CONTRACT)
    assert all_rows(directory) == before


def test_a_folder_of_raw_files_has_none(tmp_path: Path) -> None:
    directory = land(tmp_path, "L1", [(RECORD, datetime(2026, 11, 20, tzinfo=UTC))])
    folder = directory.raw_day("records", SOURCE, DAY)
    assert raw_files(folder)
    shutil.rmtree(folder)
    loop(folder)
    assert raw_files(folder) == []
