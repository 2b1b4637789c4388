"""A load without news: little is written, and a large file is not even copied."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.raw.ledgers import AuditEntry, AuditFindings, LoadEntry, write_audit, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse import news, reusable_file
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.query import query
from support.landed_records import CONTRACT, SOURCE, land, make, printed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def load(directory: DataDirectory, load_id: str, *, state: str = "complete", task: str | None = None) -> None:
    """A load that finds what it is told, and makes the tables."""
    if task is not None:
        record = {"id": task, "created_at": "2026-11-19T01:00:00"}
        land(directory.root, load_id, [(printed(record), NOW)])
    write_load(directory, LoadEntry(load_id, SOURCE, NOW, "incremental", finished_at=NOW, outcome="done"))
    checked_at = NOW + timedelta(hours=int(load_id[1:]))
    verdict = AuditEntry(NOW.date() - DAY, 1, 0, state, checked_at)
    write_audit(directory, SOURCE, load_id, AuditFindings((verdict,), judged_at=NOW, is_confirmed=True))
    make(directory)


def publish(directory: DataDirectory, *, at_least_every: timedelta = DAY) -> bool:
    """Publishes, and returns whether the file was replaced."""
    before = directory.warehouse.stat().st_ino if directory.warehouse.exists() else None
    build_warehouse(directory, CONTRACT, AnalyticsSettings(), at_least_every=at_least_every)
    return directory.warehouse.stat().st_ino != before


def loads(directory: DataDirectory) -> list[str]:
    return [row[0] for row in query(directory.warehouse, "SELECT load_id FROM loads ORDER BY 1").rows]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    """A published warehouse that counts as large, on a file system without reflinks."""
    monkeypatch.setattr(news, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(news, "can_clone", lambda _path: False)
    directory = DataDirectory(tmp_path)
    load(directory, "L1", task="a")
    publish(directory)
    load(directory, "L2")
    return directory


def test_a_large_file_waits_for_news(directory: DataDirectory) -> None:
    assert not publish(directory)
    assert loads(directory) == ["L1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda directory: load(directory, "L3", task="b"),
        lambda directory: load(directory, "L3", state="incomplete"),
        lambda directory: directory.warehouse.write_bytes(b"damaged"),
        lambda directory: directory.warehouse.unlink(),
    ],
)
def test_news_and_damage_are_published_at_once(
    directory: DataDirectory, change: Callable[[DataDirectory], object]
) -> None:
    change(directory)
    publish(directory)
    assert loads(directory)[:2] == ["L1", "L2"]


def test_a_large_file_is_published_once_a_day(directory: DataDirectory) -> None:
    assert publish(directory, at_least_every=timedelta(0))
    assert loads(directory) == ["L1", "L2"]


def test_a_small_file_is_published_with_every_load(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "LARGE_FILE_BYTES", 2**28)
    assert publish(directory)
    assert loads(directory) == ["L1", "L2"]
    assert query(directory.warehouse, "SELECT checked_at FROM coverage WHERE counted = 1").rows == [
        (NOW + timedelta(hours=2),)
    ]


def test_a_load_that_was_published_before_it_ended_is_published_as_it_ended(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    for load_id in ("L1", "L2"):
        load(directory, load_id)
    write_load(directory, LoadEntry("L3", SOURCE, NOW, "incremental"))
    publish(directory)
    outcomes = "SELECT outcome FROM loads ORDER BY load_id"
    assert query(directory.warehouse, outcomes).rows == [("done",), ("done",), ("interrupted",)]
    load(directory, "L3")
    load(directory, "L4")
    publish(directory)
    assert query(directory.warehouse, outcomes).rows == [("done",)] * 4


def test_the_published_file_is_read_whole_once_a_day_and_where_it_is_built_on(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    plain = reusable_file.checksum

    def count(path: Path) -> str | None:
        read.append(path)
        return plain(path)

    monkeypatch.setattr(reusable_file, "checksum", count)
    assert not publish(directory)
    assert directory.warehouse not in read
    now = reusable_file.time.time()
    with monkeypatch.context() as later:
        later.setattr(reusable_file.time, "time", lambda: now + 86_401)
        publish(directory)
    assert directory.warehouse in read
    read.clear()
    load(directory, "L3", task="b")
    assert publish(directory)
    assert directory.warehouse in read
