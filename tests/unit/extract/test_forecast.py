"""What a plan expects is close to what comes, and is unknown where nothing is known."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.extract.forecast import Basis, Forecast, requests_for
from cbr_warehouse.extract.pagination import Paginator
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load import forecast_inputs
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.forecast_inputs import expect_load, guess_page_rows
from cbr_warehouse.load.plan_source import plan_source
from cbr_warehouse.raw.ledgers import LoadEntry, SweepEntry
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.stored_tasks import read_time_index
from cbr_warehouse.tables.task_times import TimeIndex
from support.living_source import Dialect, LivingSource, living
from support.load_bench import DIALECTS, Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)


def steady(dialect: Dialect, per_day: int = 60) -> LivingSource:
    """A source to which tasks come at an even pace, also beyond the present."""
    source = LivingSource(NOW, dialect)
    random = Random(4)
    for number in range(-9 * per_day, per_day):
        source.add(random, NOW + number * timedelta(days=1) / per_day)
    return source


def forecast_of(bench: Bench, wanted: LoadRequest = LoadRequest()) -> Forecast:  # noqa: B008
    loading = LoadContext(
        bench.directory, read_contract(), lambda: bench.source.now, uuid4, lambda _: bench.source
    )
    source = bench._ready.settings
    return expect_load(loading, source, plan_source(loading.directory, source, wanted, loading.clock()))


def entry_of(bench: Bench, *, deep: bool = False) -> LoadEntry:
    bench.source.requests_made = 0  # a real load has a client of its own
    return bench.load(publish=False, deep=deep).sources[0].entry


def test_of_a_first_load_nothing_is_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, living(NOW, 1, Dialect()))
    forecast = forecast_of(bench)
    assert forecast.records is None
    assert forecast.requests is None
    assert {one.basis for one in forecast.sweeps} == {Basis.UNKNOWN}
    entry = entry_of(bench)
    assert (entry.expected_records, entry.expected_requests) == (None, None)


def test_a_forecast_reads_the_times_of_the_newest_days_only_and_is_that_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read all that was ever stored: with ten million tasks half of a load without news."""
    bench = Bench(tmp_path, LivingSource(NOW, Dialect(retention=timedelta(days=200))))
    random = Random(4)
    for _ in range(8):
        for _ in range(40):
            bench.source.add(random, bench.source.now - timedelta(hours=random.uniform(0, 160)))
        bench.load(publish=False)
        bench.source.now += timedelta(days=8)
    asked: list[date] = []

    def read_all(directory: DataDirectory, source: str, since: date) -> TimeIndex:
        asked.append(since)
        return read_time_index(directory, source, date.min)

    oldest = NOW.date() - timedelta(days=7)
    of_old_days = LoadRequest(range=Range(NOW + timedelta(days=2), None))
    for wanted in (LoadRequest(), LoadRequest(deep=True), of_old_days):
        forecast = forecast_of(bench, wanted)
        with monkeypatch.context() as patch:
            patch.setattr(forecast_inputs, "read_time_index", read_all)
            assert forecast == forecast_of(bench, wanted)
        assert forecast.records
    assert asked[0] >= oldest + timedelta(days=20)


@pytest.mark.parametrize("most", [1000, 50, 10])
@pytest.mark.parametrize("deep", [False, True])
def test_a_later_load_is_expected_within_a_tenth(tmp_path: Path, most: int, deep: bool) -> None:
    bench = Bench(tmp_path, steady(Dialect(most=most)))
    bench.load_first(publish=False)
    bench.source.now += timedelta(hours=5)
    forecast = forecast_of(bench, LoadRequest(deep=deep))
    entry = entry_of(bench, deep=deep)
    assert (entry.expected_records, entry.expected_requests) == (forecast.records, forecast.requests)
    assert entry.records == pytest.approx(entry.expected_records, rel=0.1)
    assert entry.requests == pytest.approx(entry.expected_requests, rel=0.2)


def test_days_nothing_is_known_of_are_expected_by_rate(tmp_path: Path) -> None:
    bench = Bench(tmp_path, steady(Dialect()))
    bench.load_first(publish=False)
    bench.source.now += timedelta(hours=20)
    forecast = forecast_of(bench)
    entry = entry_of(bench)
    assert Basis.RATE in {one.basis for one in forecast.sweeps}
    assert entry.records == pytest.approx(forecast.records, rel=0.2)


@pytest.mark.parametrize("name", DIALECTS)
def test_under_every_dialect_a_second_load_expects_something(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, living(NOW, 1, DIALECTS[name]))
    bench.load_first(publish=False)
    entry = entry_of(bench)
    assert entry.expected_records is not None
    assert entry.expected_requests is not None
    assert entry.expected_requests > 0


@pytest.mark.parametrize("rows", [0, 1, 2, 9, 10, 11, 19, 20, 100])
@pytest.mark.parametrize("most", [1, 2, 10])
def test_requests_of_a_walk_are_foretold(rows: int, most: int) -> None:
    source = LivingSource(NOW, Dialect(most=most))
    random = Random(1)
    for number in range(rows):
        source.add(random, NOW - timedelta(hours=1 + number))
    walk = Paginator(lambda limit, offset: source.list_tasks(TaskQuery(), limit=limit, offset=offset))
    list(walk.pages())
    assert source.requests_made == requests_for(rows, most)


@pytest.mark.parametrize(("size", "guess"), [(1000, 1000), (500, 500), (50, 50), (7, 7)])
def test_the_page_size_is_guessed_from_what_sweeps_brought(size: int, guess: int) -> None:
    def sweep(rows: int) -> SweepEntry:
        pages = -(-max(1, rows - 1) // (size - 1))
        return SweepEntry("load", 1, "why", None, None, pages, rows + pages - 1, NOW)

    assert guess_page_rows([sweep(rows) for rows in (3 * size, 4 * size + 3, 7 * size, size // 2)]) == guess
    assert guess_page_rows([]) == 1000
