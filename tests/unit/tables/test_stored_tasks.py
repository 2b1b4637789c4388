"""What later steps of a load read from the tables: tasks to follow, edits, times, quarantined records."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build_state import BROKEN, TaskEnds, read_state, write_state
from cbr_warehouse.tables.stored_tasks import (
    FollowedTask,
    count_edits,
    count_quarantined,
    count_undated,
    read_time_index,
    tasks_to_follow,
)
from support.landed_records import SOURCE, land, make, printed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
OTHER = "no-such-source"


def at(hour: int, day: int = 18) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def task(name: str, hour: int, day: int = 18, **values: Any) -> bytes:
    return printed({"id": name, "created_at": f"{at(hour, day):%Y-%m-%dT%H:%M:%S}"} | values)


def shown(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    folder = tmp_path_factory.mktemp("stored")
    broken: dict[str, Any] = {"extra_info": []}
    first = [
        task("running", 1, status="running", started_at=shown(at(2))),
        task("unknown", 2),
        task("done", 3, status="success", ended_at=shown(at(5)), updated_at=shown(at(6))),
        task("late", 4, 19, status="success", ended_at=shown(at(8, 19))),
        task("endless", 5, 19, status="failed"),
        task("early", 1, 16, status="success", ended_at=shown(at(2, 16))),
        task("later sound", 6, **broken),
        task("broken", 7, **broken),
        task("broken", 7, status={}),
        task("broken too", 8, 19, **broken),
        task("broken early", 8, 16, **broken),
        b'{"created_at": "2026-11-19T09:30:00", "status": "success"',
        printed({"id": "undated", "created_at": "soon"}),
        printed({"id": "done", "created_at": "never"}),
    ]
    directory = land(folder, "L1", [(record, NOW) for record in first])
    edited = [
        task("done", 3, status="failed", ended_at=shown(at(5)), updated_at=shown(at(7))),
        task("unknown", 2, status="success", ended_at=shown(at(9))),
        task("later sound", 6, status="skipped"),
    ]
    land(folder, "L2", [(record, NOW + HOUR) for record in edited])
    make(directory)
    return directory


def test_open_tasks_are_followed_and_those_that_ended_in_a_span(stored: DataDirectory) -> None:
    running = FollowedTask(at(1), at(2), is_open=True)
    late = FollowedTask(at(4, 19), None, is_open=False)
    done = FollowedTask(at(3), None, is_open=False)
    early = FollowedTask(at(1, 16), None, is_open=False)
    assert tasks_to_follow(stored, SOURCE, ()) == {"running": running}
    assert tasks_to_follow(stored, SOURCE, [(at(5), at(9))]) == {"running": running, "done": done}
    assert tasks_to_follow(stored, SOURCE, [(at(8, 19), None)]) == {"running": running, "late": late}
    spans = [(at(0, 16), at(3, 16)), (at(8, 19), None)]
    assert tasks_to_follow(stored, SOURCE, spans) == {"running": running, "early": early, "late": late}
    assert tasks_to_follow(stored, OTHER, spans) == {}


def test_no_file_is_opened_of_which_the_note_says_that_none_is_to_follow(
    stored: DataDirectory, tmp_path: Path
) -> None:
    directory = DataDirectory(shutil.copytree(stored.root, tmp_path / "data"))
    path = directory.partition("tasks", SOURCE, "2026-11-16")
    path.write_bytes(bytes(path.stat().st_size))
    ended = at(2, 16)
    later = tasks_to_follow(directory, SOURCE, [(ended + SECOND, None)])
    assert later.keys() == {"running", "unknown", "done", "late"}
    with pytest.raises(StorageError):
        tasks_to_follow(directory, SOURCE, [(ended, ended + SECOND)])
    path.write_bytes(b"another file than was noted")
    with pytest.raises(StorageError):
        tasks_to_follow(directory, SOURCE, ())


@pytest.mark.parametrize("changes", [{"ends": None}, {"files": {}}, {"fingerprint": BROKEN}])
def test_every_file_is_opened_of_which_the_note_says_nothing(
    stored: DataDirectory, tmp_path: Path, changes: dict[str, Any]
) -> None:
    directory = DataDirectory(shutil.copytree(stored.root, tmp_path / "data"))
    day = "2026-11-16"
    path = directory.partition("tasks", SOURCE, day)
    path.write_bytes(bytes(path.stat().st_size))
    state = read_state(directory, SOURCE, day)
    assert state is not None
    write_state(directory, SOURCE, day, replace(state, **changes))
    with pytest.raises(StorageError):
        tasks_to_follow(directory, SOURCE, ())


def test_the_note_of_a_day_says_when_its_tasks_ended(tmp_path: Path) -> None:
    ends = {
        16: [shown(at(2, 16)), "2026-11-17T01:02:03.456789", shown(at(5, 16))],
        17: [None, shown(at(2, 17))],
        18: [None],
    }
    records = [
        task(f"{day}-{number}", 1, day, status="success", ended_at=end)
        for day, own in ends.items()
        for number, end in enumerate(own)
    ]
    directory = land(tmp_path, "L1", [(record, NOW) for record in records])
    make(directory)
    states = [read_state(directory, SOURCE, f"2026-11-{day}") for day in ends]
    assert [state and state.ends for state in states] == [
        TaskEnds(0, datetime(2026, 11, 17, 1, 2, 3, 456789, UTC)),
        TaskEnds(1, at(2, 17)),
        TaskEnds(1, None),
    ]


def test_edits_are_new_versions_of_tasks_that_had_ended(stored: DataDirectory) -> None:
    """Of the two tasks with a second version one had not ended before."""
    days = ["2026-11-16", "2026-11-17", "2026-11-18"]
    assert count_edits(stored, SOURCE, days, NOW + HOUR) == 1
    assert count_edits(stored, SOURCE, days, NOW + 2 * HOUR) == 0
    assert count_edits(stored, SOURCE, ["2026-11-19", "2026-11-17"], NOW) == 0
    assert count_edits(stored, OTHER, days, NOW) == 0


def test_quarantined_records_count_once_a_task_unless_it_is_stored(stored: DataDirectory) -> None:
    assert count_quarantined(stored, SOURCE) == 5
    assert count_undated(stored, SOURCE) == 1
    assert count_quarantined(stored, OTHER) == count_undated(stored, OTHER) == 0


def test_times_are_those_of_tasks_created_from_a_day_on(stored: DataDirectory) -> None:
    found = read_time_index(stored, SOURCE, date(2026, 11, 18))
    long = datetime(2020, 1, 1, tzinfo=UTC)
    counts = {column: found.between(column, long, None) for column in found.by_column}
    assert counts == {"created_at": 6, "started_at": 1, "updated_at": 1}
    assert found.first_in("updated_at", long, NOW) == at(7)
    assert found.first_in("created_at", long, NOW) == at(1)
    assert (len(found.firsts), len(found.lasts)) == (6, 5)
    # Of those that began until then, "running" is open, and "done" changed last at seven.
    assert (found.across(at(7)), found.across(at(7) + HOUR)) == (3, 2)
    early = read_time_index(stored, SOURCE, date(2026, 11, 16))
    assert early.between("created_at", long, None) == 7


def test_refused_records_have_the_time_that_they_print_or_noon_of_their_day(stored: DataDirectory) -> None:
    found = read_time_index(stored, SOURCE, date(2026, 11, 18))
    assert found.quarantined == {date(2026, 11, 18): 1, date(2026, 11, 19): 2}
    assert [found.refused_in(at(hour), at(hour) + HOUR) for hour in (6, 7, 8)] == [0, 1, 0]
    assert found.refused_in(at(8, 19), at(9, 19)) == 1
    assert found.refused_in(at(9, 19), None) == 1
    early = read_time_index(stored, SOURCE, date(2026, 11, 16))
    assert early.quarantined[date(2026, 11, 16)] == 1
    assert read_time_index(stored, OTHER, date(2026, 11, 16)).quarantined == {}


def test_a_source_without_tables_has_no_times(stored: DataDirectory) -> None:
    found = read_time_index(stored, OTHER, date(2026, 11, 16))
    assert all(len(times) == 0 for times in (*found.by_column.values(), found.firsts, found.refused))


@pytest.mark.fault("damaged files")
@pytest.mark.parametrize("table", ["tasks", "quarantine"])
def test_a_partition_that_is_no_parquet_is_named_with_the_remedy(tmp_path: Path, table: str) -> None:
    directory = land(tmp_path, "L1", [(task("a", 1), NOW), (task("b", 1, extra_info=[]), NOW)])
    make(directory)
    directory.partition(table, SOURCE, "2026-11-18").write_bytes(b"no parquet")
    with pytest.raises(StorageError, match=r"a file is damaged.*'cbr-warehouse rebuild'"):
        read_time_index(directory, SOURCE, date(2026, 11, 1))
