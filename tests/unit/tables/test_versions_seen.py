"""Versions and sightings in small: what a repeated text, another notation or a second version changes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.accounting import RecordOutcomes
from cbr_warehouse.tables.build import make_tables
from support.landed_records import CONTRACT, SOURCE, all_rows, land, last_seen, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = "2026-11-19"


def task(name: str = "a", **values: Any) -> bytes:
    return printed({"id": name, "created_at": f"{DAY}T01:00:00"} | values)


def outcomes(directory: DataDirectory, load_id: str) -> RecordOutcomes:
    made = make_tables(directory, SOURCE, CONTRACT, load_id=load_id)
    return sum(made.effects.values(), RecordOutcomes())


def test_of_two_versions_of_one_time_the_one_seen_last_is_the_newest(tmp_path: Path) -> None:
    """The third load only saw the first version again: a sighting, which makes the day dirty here."""
    running, done = (task(status=status, updated_at=f"{DAY}T02:00:00") for status in ("running", "success"))
    for number, (text, newest) in enumerate([(running, "running"), (done, "success"), (running, "running")]):
        directory = land(tmp_path, f"L{number}", [(text, NOW + number * HOUR)])
        make(directory)
        assert rows(directory, "tasks", ("status",)) == [{"status": newest}]
    found = rows(directory, "task_versions", ("version", "status", "first_seen_at"))
    assert found == [
        {"version": 1, "status": "running", "first_seen_at": NOW},
        {"version": 2, "status": "success", "first_seen_at": NOW + HOUR},
    ]
    assert sorted(last_seen(directory).values()) == [NOW + HOUR, NOW + 2 * HOUR]


def test_a_text_that_was_refused_before_was_seen_first_when_it_was(tmp_path: Path) -> None:
    """Its time was too far ahead and has come near; it is the only text of its task."""
    text = task(created_at="2026-11-22T12:30:00")
    for number in range(3):
        directory = land(tmp_path, f"L{number}", [(text, NOW + number * HOUR)])
        make(directory)
    assert rows(directory, "task_versions", ("first_seen_at",)) == [{"first_seen_at": NOW}]
    assert last_seen(directory)["a", rows(directory, "task_versions")[0]["version_hash"]] == NOW + 2 * HOUR


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_prints_of_one_instant_the_more_precise_is_kept(tmp_path: Path, is_first: bool) -> None:
    prints = [task(started_at=f"{DAY}T02:00:00.000123"), task(started_at=f"{DAY}T02:00:00")]
    for number, text in enumerate(prints if is_first else prints[::-1]):
        directory = land(tmp_path, f"L{number}", [(text, NOW + number * HOUR)])
        assert outcomes(directory, f"L{number}") == RecordOutcomes(new=1 - number, reprinted=number)
    (version,) = rows(directory, "task_versions", ("started_at", "record_text", "first_seen_at"))
    assert version["started_at"] == datetime(2026, 11, 19, 2, 0, 0, 123, tzinfo=UTC)
    assert version["record_text"] == (prints if is_first else prints[::-1])[0].decode()
    assert version["first_seen_at"] == NOW


def test_records_of_a_load_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    directory = land(tmp_path, "L1", [(task("a"), NOW), (task("b", updated_at=f"{DAY}T05:00:00"), NOW)])
    assert outcomes(directory, "L1") == RecordOutcomes(new=2)
    second = [
        task("a", status="success", updated_at=f"{DAY}T03:00:00"),
        task("b", status="running", updated_at=f"{DAY}T04:00:00"),
        task("c"),
        task("c", status={}),
        b'{"id" : "c", "created_at": "2026-11-19T01:00:00.000"}',
    ]
    land(tmp_path, "L2", [(text, NOW + HOUR) for text in second])
    found = outcomes(directory, "L2")
    assert found == RecordOutcomes(new=1, changed=1, superseded=1, reprinted=1, quarantined=1)
    assert found.records == 5
    assert outcomes(directory, "L2") == RecordOutcomes()


def test_days_that_are_not_new_are_not_made_again(tmp_path: Path) -> None:
    directory = land(tmp_path, "L1", [(task("a"), NOW)])
    land(tmp_path, "L2", [(task("b", created_at="2026-11-18T01:00:00"), NOW)])
    done: list[tuple[int, int]] = []
    made = make_tables(directory, SOURCE, CONTRACT, progress=lambda *units: done.append(units))
    assert (made.days, made.kept, done) == (("2026-11-18", DAY), frozenset(), [(2, 2)])
    before = all_rows(directory)
    land(tmp_path, "L3", [(task("c"), NOW), (task("b", created_at="2026-11-18T01:00:00"), NOW)])
    assert make_tables(directory, SOURCE, CONTRACT, load_id="L3").days == (DAY,)
    assert [row["task_id"] for row in all_rows(directory)["tasks"]] == ["a", "b", "c"]
    assert all_rows(directory)["quarantine"] == before["quarantine"] == []
