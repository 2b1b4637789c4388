"""Raw files damaged after a load that failed are fetched again, whatever that load had landed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cbr_warehouse.errors import TransientSourceError
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage.layout import UNKNOWN_DAY
from support.flipped_bit import flip_bit
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)


@dataclass
class FailsLate(LivingSource):
    """Answers sweeps, and fails when it is asked for counts."""

    is_failing: bool = False

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        if self.is_failing and limit == 1 and query.start_time is not None:
            raise TransientSourceError("down")
        return super().list_tasks(query, limit=limit, offset=offset)


def test_a_window_that_a_failed_load_landed_is_read_again_once_its_file_is_damaged(tmp_path: Path) -> None:
    """The window was skipped for 24 hours as landed, and the day lacked what the damaged file had held."""
    source = FailsLate(NOW, tasks=living(NOW, 1, Dialect()).tasks, is_failing=True)
    bench = Bench(tmp_path, source)
    assert bench.load().exit_status(strict=False) == 1
    day = (NOW - timedelta(days=5)).date().isoformat()
    (path, *_) = sorted(bench.directory.raw_day("records", "prod", day).glob("*.parquet"))
    flip_bit(path)
    source.is_failing = False
    source.now += timedelta(minutes=5)
    bench.load()
    since = datetime(2026, 11, 13, tzinfo=UTC)
    assert bench.truth(since).items() <= bench.held().items()


def test_damage_of_undated_records_leads_to_a_deep_load_even_if_the_next_one_fails(tmp_path: Path) -> None:
    """Any window may bring such a record again, but only the load that found the damage read them all."""
    source = FailsLate(NOW, tasks=living(NOW, 1, Dialect()).tasks)
    bench = Bench(tmp_path, source)
    bench.load()
    day = NOW.date().isoformat()
    (path, *_) = sorted(bench.directory.raw_day("records", "prod", day).glob("*.parquet"))
    unknown = bench.directory.raw_day("records", "prod", UNKNOWN_DAY)
    unknown.mkdir()
    (unknown / path.name).write_bytes(path.read_bytes())
    flip_bit(unknown / path.name)
    purposes = []
    for is_failing in (True, False, False):
        source.is_failing = is_failing
        source.now += timedelta(minutes=5)
        purposes.append(bench.load().sources[0].entry.purpose)
    assert purposes == ["deep", "deep", "incremental"]
