"""A damaged raw file of a day that the source serves no more stays in its place, and the day goes on."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.raw.landing import raw_files
from support.landed_records import SOURCE, land, printed

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RECORD = {"id": "a", "created_at": "2026-10-01T01:00:00", "status": "running"}


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def garbled(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"PAR1", b"RAP1"))


@pytest.mark.parametrize("damage", [emptied, shortened, garbled])
def test_a_task_of_that_day_that_ends_lands_beside_it(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """An open task followed for weeks ended, and every load from then on broke off at the old file."""
    directory = land(tmp_path, "L1", [(printed(RECORD), NOW)])
    folder = directory.raw_day("records", SOURCE, "2026-10-01")
    (damaged,) = raw_files(folder)
    damage(damaged)
    land(tmp_path, "L2", [(printed(RECORD | {"status": "success"}), NOW)])
    (fresh,) = set(raw_files(folder)) - {damaged}
    assert pq.read_metadata(fresh).num_rows == 1
