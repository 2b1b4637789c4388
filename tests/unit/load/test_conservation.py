"""Records received = new + changed + superseded + repeats + quarantined, or nothing is published."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.errors import ConservationError
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import read_loads
from cbr_warehouse.tables import versions_sql
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, living(NOW, 5, Dialect()))


def lose_one_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        versions_sql, "NEWEST", f"{versions_sql.NEWEST} AND task_id <> (SELECT min(task_id) FROM versions)"
    )


def double_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    made = versions_sql.versions

    def doubled(*arguments: object) -> str:
        statement = made(*arguments)  # type: ignore[arg-type]
        again = "SELECT * FROM versions WHERE task_id = (SELECT min(task_id) FROM versions)"
        return f"{statement}; INSERT INTO versions {again}"

    monkeypatch.setattr(versions_sql, "versions", doubled)


def test_every_record_of_a_living_source_is_told_in_one_way(bench: Bench) -> None:
    for _ in range(3):
        bench.load()
        bench.source.now += timedelta(hours=2)
    entries = read_loads(bench.directory, "prod")
    assert all(entry.changed is not None and entry.repeats is not None for entry in entries)
    assert sum(entry.changed or 0 for entry in entries) > 0
    held = bench.ask("SELECT count(*) FROM task_versions")[0][0]
    assert sum((e.new or 0) + (e.changed or 0) + (e.superseded or 0) for e in entries) == held


@pytest.mark.parametrize("violate", [lose_one_task, double_one_version])
def test_a_step_that_loses_or_doubles_a_record_is_found_and_nothing_is_published(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    violate: Callable[[pytest.MonkeyPatch], None],
) -> None:
    bench.load()
    before = bench.held()
    bench.source.now += timedelta(hours=2)
    with monkeypatch.context() as planted:
        violate(planted)
        for _ in range(2):  # what was refused once is not taken for done the next time
            (result,) = bench.load().sources
            assert isinstance(result.failure, ConservationError)
            assert str(result.failure).startswith("prod: the tables would not account")
            assert re.search(r"prod: .*filed, .*accounted for", str(result.entry.message))
    assert bench.held() == before
    assert [entry.outcome for entry in read_loads(bench.directory, "prod")] == ["done", "failed", "failed"]
    assert "accounted for" in str(read_loads(bench.directory, "prod")[-1].message)
    bench.load()
    assert bench.held() == bench.truth(NOW.replace(hour=0) - timedelta(days=7))


@pytest.mark.fault("damaged files")
def test_a_raw_file_that_went_after_its_landing_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = Landing.flush

    def flush_and_lose(landing: Landing) -> None:
        flush(landing)
        for path in sorted(bench.directory.root.rglob("raw/records/**/*.parquet"))[:1]:
            assert pq.read_metadata(path).num_rows
            path.unlink()

    monkeypatch.setattr(Landing, "flush", flush_and_lose)
    (result,) = bench.load().sources
    assert isinstance(result.failure, ConservationError)


@pytest.mark.fault("isolation of sources")
def test_a_source_that_fails_midway_has_its_records_told_too(tmp_path: Path) -> None:
    source: LivingSource = living(NOW, 5, Dialect(most=10), fails_after=9)
    bench = Bench(tmp_path, source)
    (report,) = bench.load().sources
    assert report.entry.outcome == "failed"
    assert report.entry.records
    assert report.entry.new
