"""A day whose raw files were all set aside has none, and is made like any other."""

from datetime import UTC, datetime
from pathlib import Path

from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.tables.build import forget_tables
from support.landed_records import SOURCE, all_rows, land, make, printed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RECORD = {"id": "a", "created_at": "2026-11-19T01:00:00"}


def test_a_day_is_made_of_sightings_alone(tmp_path: Path) -> None:
    """The statement that shows the records of no file was no SQL."""
    directory = land(tmp_path, "L1", [(printed(RECORD), NOW)])
    make(directory)
    for path in raw_files(directory.raw_day("records", SOURCE, "2026-11-19")):
        path.unlink()
    forget_tables(directory)
    make(directory)
    assert not any(all_rows(directory).values())
    again = land(tmp_path, "L2", [(printed(RECORD), NOW)])
    make(again)
    assert [row["task_id"] for row in all_rows(again)["tasks"]] == ["a"]
