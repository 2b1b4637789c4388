"""A rebuild begins by forgetting the tables; wherever it is killed, they come back whole."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.tables.build import forget_tables
from support.landed_records import all_rows, land, make, printed

pytestmark = pytest.mark.fault("killed processes")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RECORD = {
    "id": "a",
    "created_at": "2026-11-19T01:00:00",
    "extra_info": {"resource": {"id": "r"}, "replication": {"source_backup_id": "b"}},
}


class Killed(BaseException):
    """As a signal would end it: nothing handles this."""


@pytest.mark.parametrize("removed", range(5))
def test_killed_at_any_file_it_leaves_no_note_of_a_partition_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """A note that outlived its partition kept the day from ever being made again."""
    directory = land(tmp_path, "L1", [(printed(RECORD), NOW)])
    make(directory)
    whole, left, unlink = all_rows(directory), [removed], os.unlink

    def unlink_some(*words: Any, **options: Any) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        unlink(*words, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", unlink_some)
        with pytest.raises(Killed):
            forget_tables(directory)
    make(directory)
    assert all_rows(directory) == whole
