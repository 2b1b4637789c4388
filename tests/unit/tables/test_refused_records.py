"""Refused records: held once they are sound, told apart, and the same whenever raw is made into tables."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import forget_tables
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.query import query
from support.landed_records import CONTRACT, SOURCE, all_rows, land, last_seen, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AHEAD = "2026-11-22T12:30:00"
"""More than two days ahead of NOW, and less an hour later."""


def published(folder: Path, loads: Sequence[Sequence[bytes]]) -> DataDirectory:
    """Tables brought up by each load, an hour after the one before, and the warehouse in the end."""
    directory = DataDirectory(folder)
    for number, records in enumerate(loads):
        land(folder, f"L{number}", [(record, NOW + number * HOUR) for record in records])
        write_load(directory, LoadEntry(f"L{number}", SOURCE, NOW, "incremental"))
        make(directory)
    build_warehouse(directory, CONTRACT, AnalyticsSettings())
    return directory


def assert_made_again_alike(directory: DataDirectory) -> None:
    before = all_rows(directory)
    forget_tables(directory)
    make(directory)
    assert all_rows(directory) == before


def test_a_created_at_too_far_ahead_is_held_once_it_has_come_near(tmp_path: Path) -> None:
    """Seen: a rebuild told other first and last sights than the loads, by which days were made together."""
    record = printed({"id": "a", "created_at": AHEAD})
    directory = DataDirectory(tmp_path)
    for number in range(3):
        land(tmp_path, f"L{number}", [(record, NOW + number * HOUR)])
        make(directory)
    assert_made_again_alike(directory)
    (version,) = rows(directory, "task_versions", ("first_seen_at", "task_id", "version_hash"))
    (broken,) = rows(directory, "quarantine", ("first_seen_at", "record_text"))
    assert version["first_seen_at"] == broken["first_seen_at"] == NOW
    last = {key[0]: at for key, at in last_seen(directory).items()}
    assert last == {"a": NOW + 2 * HOUR, broken["record_text"]: NOW}


def test_another_time_too_far_ahead_is_held_once_it_has_come_near(tmp_path: Path) -> None:
    """Seen: the record stayed in quarantine for good, its text being held already."""
    record = printed({"id": "a", "created_at": "2026-11-20T11:00:00", "updated_at": AHEAD})
    directory = published(tmp_path, [[record]] * 3)
    assert rows(directory, "tasks", ("task_id",)) == [{"task_id": "a"}]
    assert query(directory.warehouse, "SELECT count(*), count(resolved_at) FROM quarantine").rows == [(1, 1)]
    assert_made_again_alike(directory)


def test_a_record_refused_for_one_reason_and_then_for_another_stands_once(tmp_path: Path) -> None:
    """Seen: in quarantine with a day and without, which made the warehouse unsound for good."""
    record = printed({"id": "a", "created_at": AHEAD, "updated_at": "2026-11-22T13:30:00"})
    directory = published(tmp_path, [[record]] * 2)
    assert query(directory.warehouse, "SELECT day, task_id FROM quarantine").rows == [(None, "a")]
    published_later = published(tmp_path, [[]] * 2 + [[record]])
    assert query(published_later.warehouse, "SELECT task_id FROM tasks").rows == [("a",)]


def test_records_whose_escaped_texts_are_alike_are_told_apart(tmp_path: Path) -> None:
    """Seen: the warehouse was unsound for good, the key of quarantine standing twice."""
    escaped = rb'{"id":"a","created_at":"2026-11-20T11:00:00","status":"\xff"}'
    raw = escaped.replace(rb"\xff", b"\xff")
    directory = published(tmp_path, [[raw], [escaped]])
    found = query(directory.warehouse, "SELECT record_text, record_bytes FROM quarantine ORDER BY 1").rows
    assert found[0] == (escaped.decode(), None)
    assert found[1][0].startswith(escaped.decode())
    assert bytes(found[1][1]) == raw


def test_a_broken_and_a_sound_record_of_one_task_served_side_by_side_move_nothing(tmp_path: Path) -> None:
    """Seen: resolved_at was the time of the last load."""
    sound = {"id": "a", "created_at": "2026-11-20T11:00:00"}
    page = [printed(sound), printed(sound | {"extra_info": []})]
    directory = published(tmp_path, [page] * 3)
    assert query(directory.warehouse, "SELECT resolved_at FROM quarantine").rows == [(NOW,)]
