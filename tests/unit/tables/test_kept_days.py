"""What stands in the tables does not shrink because a raw file went bad or went away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.build import forget_tables, make_tables
from support.landed_records import CONTRACT, SOURCE, all_rows, land, make, printed, rows

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = "2026-11-19"
HOUR = timedelta(hours=1)


def task(name: str = "a", **values: Any) -> bytes:
    return printed({"id": name, "created_at": f"{DAY}T01:00:00"} | values)


def file_of(directory: DataDirectory, day: str = DAY) -> Path:
    return raw_files(directory.raw_day("records", SOURCE, day))[0]


def kept(directory: DataDirectory) -> frozenset[str]:
    return make_tables(directory, SOURCE, CONTRACT).kept


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("lose", [emptied, Path.unlink])
def test_a_day_stays_until_all_it_held_is_received_again(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    """The source had dropped the day meanwhile: its rows left the tables, and the load succeeded."""
    directory = land(tmp_path, "L1", [(task("a"), NOW), (task("b"), NOW)])
    make(directory)
    stood, lost = all_rows(directory), file_of(directory)
    lose(lost)
    land(tmp_path, "L2", [(task("b"), NOW + HOUR), (task("c"), NOW + HOUR)])
    for _ in range(2):
        assert kept(directory) == {DAY}
        assert all_rows(directory) == stood
    lost.unlink(missing_ok=True)
    land(tmp_path, "L3", [(task("a"), NOW + 2 * HOUR)])
    assert kept(directory) == frozenset()
    assert [row["task_id"] for row in rows(directory, "tasks")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("again", "is_kept"),
    [
        (task(status="running", updated_at=f"{DAY}T01:00:00"), True),
        (task(status="success", updated_at=f"{DAY}T02:00:00.000"), False),
        (task(status="success", updated_at=f"{DAY}T03:00:00"), False),
        (task(status="failed", updated_at=f"{DAY}T02:00:00"), False),
        (task(status=7, updated_at=[]), True),
    ],
)
def test_a_task_must_stand_no_older_than_it_did(tmp_path: Path, again: bytes, is_kept: bool) -> None:
    """Earlier versions that only the file held are gone for good and keep no day."""
    early = task(status="waiting", updated_at=f"{DAY}T00:30:00")
    directory = land(
        tmp_path, "L1", [(early, NOW), (task(status="success", updated_at=f"{DAY}T02:00:00"), NOW)]
    )
    make(directory)
    file_of(directory).unlink()
    land(tmp_path, "L2", [(again, NOW + HOUR)])
    assert (kept(directory) == {DAY}) == is_kept


def test_another_text_of_the_same_version_is_enough(tmp_path: Path) -> None:
    """The version is held as the text that came first; that the other one is it too was noted."""
    first, second = task(status="success"), task(status="success").replace(b'":', b'" :')
    directory = land(tmp_path, "L1", [(first, NOW), (second, NOW + HOUR)])
    make(directory)
    assert len(rows(directory, "task_versions")) == 1
    file_of(directory).unlink()
    land(tmp_path, "L2", [(second, NOW + 2 * HOUR)])
    assert kept(directory) == frozenset()


@pytest.mark.parametrize("broken", [task(status={}), b'{"id": "a"}'])
def test_what_was_refused_must_be_held_again_too(tmp_path: Path, broken: bytes) -> None:
    directory = land(tmp_path, "L1", [(broken, NOW)])
    make(directory)
    (day,) = directory.raw_days(SOURCE)
    assert day in {DAY, UNKNOWN_DAY}
    file_of(directory, day).unlink()
    assert kept(directory) == {day}
    assert len(rows(directory, "quarantine")) == 1
    land(tmp_path, "L2", [(broken, NOW + HOUR)])
    assert kept(directory) == frozenset()


def test_a_day_that_shares_a_moved_task_with_a_damaged_one_stays_with_it(tmp_path: Path) -> None:
    """The damaged file was read for the task that moved, and nothing was loaded any more."""
    directory = land(tmp_path, "L1", [(task("a"), NOW), (task("b"), NOW)])
    make(directory)
    stood = all_rows(directory)
    emptied(file_of(directory))
    land(
        tmp_path,
        "L2",
        [
            (task("a", created_at="2026-11-18T01:00:00"), NOW + HOUR),
            (task("z", created_at="2026-11-17T01:00:00"), NOW),
        ],
    )
    assert kept(directory) == {DAY, "2026-11-18"}
    assert [row for row in rows(directory, "tasks") if row["task_id"] != "z"] == stood["tasks"]
    assert rows(directory, "tasks", ("task_id", "day"))[-1] == {"task_id": "z", "day": "2026-11-17"}


def test_a_rebuild_makes_of_the_day_what_is_left(tmp_path: Path) -> None:
    directory = land(tmp_path, "L1", [(task(), NOW)])
    make(directory)
    file_of(directory).unlink()
    forget_tables(directory)
    assert kept(directory) == frozenset()
    assert not any(all_rows(directory).values())
