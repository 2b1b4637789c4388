"""Notes of what the tables were made from, damaged: they are made again, and the tables are the same."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build_state import made_from, read_moved
from support.landed_records import SOURCE, all_rows, land, make, printed

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = ("2026-11-17", "2026-11-18", "2026-11-19")


@pytest.fixture
def loaded(tmp_path: Path) -> DataDirectory:
    """Task `m` moved from the first day to the second; every day has one of its own."""
    for number, day in enumerate(DAYS):
        at = NOW + timedelta(hours=number)
        records = [{"id": f"own-{day}", "created_at": f"{day}T01:00:00", "status": "success"}]
        if number < 2:
            records.append({"id": "m", "created_at": f"{day}T02:00:00", "status": "success"})
        directory = land(tmp_path, f"L{number}", [(printed(record), at) for record in records])
        make(directory)
    return directory


def notes(directory: DataDirectory) -> list[Path]:
    return [directory.moved(SOURCE), *(directory.partition_state(SOURCE, day) for day in DAYS)]


def damages(content: bytes) -> list[bytes]:
    flips = []
    for bit in range(0, len(content) * 8, 311):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        flips.append(bytes(flipped))
    return [b"", b"null", content[: len(content) // 2], *flips]


def test_whatever_note_is_damaged_the_tables_stay_the_same(loaded: DataDirectory) -> None:
    """A damaged note stopped every load of every source."""
    before = all_rows(loaded)
    for note in notes(loaded):
        sound = note.read_bytes()
        for damaged in damages(sound):
            note.write_bytes(damaged)
            make(loaded)
            assert all_rows(loaded) == before
            again = read_moved(loaded, SOURCE)
            assert again is not None
            assert {task: sorted(days) for task, days in again.days_of.items()} == {"m": list(DAYS[:2])}
            assert all(made_from(loaded, SOURCE, day) for day in DAYS)


def test_a_damaged_note_of_moved_tasks_does_not_show_a_task_twice(loaded: DataDirectory) -> None:
    """The next version of a moved task must still replace the rows of its earlier days."""
    loaded.moved(SOURCE).write_bytes(b"")
    record = {"id": "m", "created_at": f"{DAYS[2]}T02:00:00", "status": "failed"}
    land(loaded.root, "L9", [(printed(record), NOW + timedelta(hours=9))])
    make(loaded)
    found = [row for row in all_rows(loaded)["tasks"] if row["task_id"] == "m"]
    assert [(row["day"], row["status"]) for row in found] == [(DAYS[2], "failed")]


def test_a_damaged_note_does_not_let_a_day_shrink_for_raw_files_that_are_gone(loaded: DataDirectory) -> None:
    before = all_rows(loaded)
    (gone,) = loaded.raw_day("records", SOURCE, DAYS[2]).glob("*.parquet")
    gone.unlink()
    loaded.partition_state(SOURCE, DAYS[2]).write_bytes(b"{")
    make(loaded)
    assert all_rows(loaded) == before


def test_notes_from_before_there_were_checksums_are_read(loaded: DataDirectory) -> None:
    known = [made_from(loaded, SOURCE, day) for day in DAYS]
    for note in notes(loaded):
        value = json.loads(note.read_text())
        del value["checksum"]
        note.write_text(json.dumps(value.get("tasks", value)))
    assert [made_from(loaded, SOURCE, day) for day in DAYS] == known
    moved = read_moved(loaded, SOURCE)
    assert moved is not None
    assert moved.days_of == {"m": set(DAYS[:2])}
