"""Which files of the data directory are listed."""

from datetime import date
from pathlib import Path

from cbr_warehouse.storage.layout import DataDirectory, partition_day

DAYS = ["2026-03-07", "2026-03-08", "2026-03-09", "unknown"]


def test_partitions_are_listed_from_a_day_on(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    for day in reversed(DAYS):
        path = directory.partition("tasks", "prod", day)
        path.parent.mkdir(parents=True)
        path.touch()
    assert [partition_day(path) for path in directory.partitions("tasks", "prod")] == DAYS
    since = directory.partitions("tasks", "prod", date(2026, 3, 8))
    assert [partition_day(path) for path in since] == ["2026-03-08", "2026-03-09"]
    assert directory.partitions("tasks", "other", date(2026, 3, 8)) == []
