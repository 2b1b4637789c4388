"""A partition that cannot be written is named in the error, and raw keeps what it has."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cbr_warehouse.errors import StorageError
from support.landed_records import land, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

pytestmark = pytest.mark.fault("disk errors")


@pytest.mark.parametrize("days", [("2026-11-19",), ("2026-11-18", "2026-11-19")])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, days: tuple[str, ...]) -> None:
    records = [printed({"id": day, "created_at": f"{day}T01:00:00"}) for day in days]
    directory = land(tmp_path, "L1", [(record, NOW) for record in records])
    directory.tables.mkdir(parents=True, exist_ok=True)
    obstacle = directory.tables / "tasks"
    obstacle.write_text("")
    with pytest.raises(StorageError, match=str(obstacle)):
        make(directory)
    obstacle.unlink()
    make(directory)
    assert len(rows(directory, "tasks")) == len(days)
