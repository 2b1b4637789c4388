"""Partition files that are not what was written: found, named, and made again where raw has everything."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.checked_json import write_checked_json
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.build_state import read_state
from cbr_warehouse.tables.partition_files import find_broken, lacks_files, make_dirty, mend
from support.flipped_bit import flip_bit
from support.landed_records import CONTRACT, SOURCE, all_rows, land, make, printed

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = ("2026-11-18", "2026-11-19")
DAY = DAYS[1]

CONTENT = "is damaged: its content does not match its checksum"
MISSING = "is missing, although rows were written to it"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    records = [printed({"id": day, "created_at": f"{day}T01:00:00", "status": "success"}) for day in DAYS]
    directory = land(tmp_path_factory.mktemp("sound"), "L1", [(record, NOW) for record in records])
    make(directory)
    return directory


@pytest.fixture
def made(sound: DataDirectory, tmp_path: Path) -> DataDirectory:
    return DataDirectory(shutil.copytree(sound.root, tmp_path / "data"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "wrong", "is_seen_by_size"),
    [(Path.unlink, MISSING, True), (cut, CONTENT, True), (flip_bit, CONTENT, False)],
)
def test_a_damaged_file_is_found_and_made_again(
    made: DataDirectory,
    damage: Callable[[Path], None],
    wrong: str,
    is_seen_by_size: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before, path = all_rows(made), made.partition("tasks", SOURCE, DAY)
    damage(path)
    state = read_state(made, SOURCE, DAY)
    assert state is not None
    assert find_broken(made, SOURCE, DAYS) == {DAY: f"{path}: {wrong}."}
    with caplog.at_level(logging.WARNING):
        assert lacks_files(made, SOURCE, DAY, state) == is_seen_by_size
        assert mend(made, SOURCE, DAYS) == [DAY]
    sentence = f"{path}: {wrong}. The day is made again from raw. Check the disk."
    assert [record.message for record in caplog.records] == [sentence] * (2 if is_seen_by_size else 1)
    assert make_tables(made, SOURCE, CONTRACT).days == (DAY,)
    assert find_broken(made, SOURCE, DAYS) == {}
    assert all_rows(made) == before


def test_sound_files_are_left_alone(made: DataDirectory) -> None:
    state = read_state(made, SOURCE, DAY)
    assert state is not None
    assert find_broken(made, SOURCE, (*DAYS, "2026-11-01")) == {}
    assert not lacks_files(made, SOURCE, DAY, state)
    assert mend(made, SOURCE, DAYS) == []
    assert make_tables(made, SOURCE, CONTRACT).days == ()


def test_a_day_whose_raw_files_are_gone_is_not_made_again(made: DataDirectory) -> None:
    """What its other partitions still hold could not be made again."""
    made.partition("tasks", SOURCE, DAY).unlink()
    raw_files(made.raw_day("records", SOURCE, DAY))[0].unlink()
    state = read_state(made, SOURCE, DAY)
    assert state is not None
    assert list(find_broken(made, SOURCE, DAYS)) == [DAY]
    assert not lacks_files(made, SOURCE, DAY, state)
    assert make_dirty(made, SOURCE, (*DAYS, "2026-11-01")) == [DAYS[0]]
    assert mend(made, SOURCE, [DAY]) == []


def test_several_days_are_made_again_in_order(made: DataDirectory) -> None:
    for day in DAYS:
        flip_bit(made.partition("task_versions", SOURCE, day))
    assert list(find_broken(made, SOURCE, DAYS[::-1])) == list(DAYS)
    assert mend(made, SOURCE, DAYS[::-1]) == list(DAYS)


def without_rows(path: Path) -> None:
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(0, 0), path)


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [(None, None), (cut, "is damaged ("), (without_rows, "is damaged: it lacks rows.")],
)
def test_files_from_before_there_were_checksums_are_judged_by_their_rows(
    made: DataDirectory, damage: Callable[[Path], None] | None, wrong: str | None
) -> None:
    state = read_state(made, SOURCE, DAY)
    assert state is not None
    write_checked_json(made.partition_state(SOURCE, DAY), asdict(replace(state, files={})))
    path = made.partition("tasks", SOURCE, DAY)
    if damage:
        damage(path)
    found = find_broken(made, SOURCE, DAYS)
    assert (wrong is None and found == {}) or found[DAY].startswith(f"{path}: {wrong}")
