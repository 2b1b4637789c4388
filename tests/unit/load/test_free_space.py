"""A disk without room for a load: a sentence with both numbers, before anything is requested."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import FreeSpaceError
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load import free_space
from cbr_warehouse.load.free_space import BYTES_A_RECORD, refuse_full_disk
from cbr_warehouse.raw.ledgers import read_loads
from support.living_source import Dialect, living
from support.load_bench import Bench

pytestmark = pytest.mark.fault("disk errors")

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
RANGE = Range(NOW - timedelta(days=5), NOW)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "data", living(NOW, 5, Dialect()))


def test_a_first_load_is_expected_to_bring_nothing(bench: Bench) -> None:
    refuse_full_disk(bench.directory, "prod", lambda _: 0)


def test_a_load_needs_room_for_what_the_last_ones_brought(bench: Bench) -> None:
    bench.load()
    (first,) = read_loads(bench.directory, "prod")
    brought = sum(one or 0 for one in (first.new, first.changed, first.superseded, first.quarantined))
    needed = brought * BYTES_A_RECORD
    refuse_full_disk(bench.directory, "prod", lambda _: needed)
    with pytest.raises(FreeSpaceError) as refused:
        refuse_full_disk(bench.directory, "prod", lambda _: needed - 1)
    assert f"about {needed / 1e6:,.1f} MB of free space" in str(refused.value)
    assert f"{(needed - 1) / 1e6:,.1f} MB are free" in str(refused.value)


@pytest.mark.parametrize("wanted", [{}, {"deep": True}, {"range": RANGE}])
def test_an_hourly_load_needs_no_room_for_what_a_load_of_days_brought(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any]
) -> None:
    """Refused, it would leave no newer load to go by: all later ones would be refused too, for ever."""
    bench.load(**wanted)
    (first,) = read_loads(bench.directory, "prod")
    assert first.new
    monkeypatch.setattr(free_space, "free_bytes_of", lambda _: first.new * BYTES_A_RECORD // 10)
    bench.source.now += timedelta(hours=1)
    assert bench.load().sources[0].failure is None


def test_a_refused_load_asks_its_source_for_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.load()
    bench.source.now += timedelta(hours=2)
    asked = bench.source.requests_made
    monkeypatch.setattr(free_space, "free_bytes_of", lambda _: 0)
    result = bench.load()
    assert result.exit_status(strict=False) == 1
    assert isinstance(result.sources[0].failure, FreeSpaceError)
    assert bench.source.requests_made == asked
    assert read_loads(bench.directory, "prod")[-1].outcome == "failed"
    monkeypatch.undo()
    bench.load()
    assert bench.truth(NOW - timedelta(days=6)).items() <= bench.held().items()


def test_without_room_to_publish_a_load_is_warned_and_goes_ahead(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it receives would be gone from the source in a month; it can be published any time."""
    bench.load()
    monkeypatch.setattr(free_space, "can_clone", lambda _: False)
    size = bench.directory.warehouse.stat().st_size
    with caplog.at_level(logging.WARNING):
        refuse_full_disk(bench.directory, "prod", lambda _: size)
    assert "a second copy of warehouse.duckdb" in caplog.text
    caplog.clear()
    monkeypatch.setattr(free_space, "can_clone", lambda _: True)
    refuse_full_disk(bench.directory, "prod", lambda _: size)
    assert caplog.text == ""
