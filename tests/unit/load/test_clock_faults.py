"""A loader's clock that is wrong falsifies nothing, and what it falsified before is mended by a true load."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import TransientSourceError
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.raw.ledger_order import next_load_id, trusted
from cbr_warehouse.raw.ledgers import read_loads
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

pytestmark = pytest.mark.fault("clock faults")

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
FAULTS = pytest.mark.parametrize("ahead", [timedelta(hours=72), timedelta(days=40), timedelta(days=-40)])


class Undated(LivingSource):
    """Gives no Date until it is told to: so its loads went by the loader's clock alone."""

    is_dated: bool = False

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=limit, offset=offset)
        return page if self.is_dated else replace(page, served_at=None)


def coverage(bench: Bench) -> dict[date, tuple[Any, ...]]:
    rows = bench.ask("SELECT day, state, reason, counted, held FROM coverage")
    return {day: found for day, *found in rows}


def true_coverage(folder: Path, source: LivingSource) -> dict[date, tuple[Any, ...]]:
    """What a load with a true clock, and no other before, finds."""
    bench = Bench(folder, replace(source, machine_ahead=timedelta(), requests_made=0))
    bench.load_first()
    return coverage(bench)


@FAULTS
def test_a_first_load_with_a_wrong_clock_finds_what_one_with_a_true_clock_does(
    tmp_path: Path, ahead: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    source = living(NOW, 1, Dialect(), machine_ahead=ahead)
    bench = Bench(tmp_path / "wrong", source)
    assert bench.load().exit_status(strict=False) == 0
    assert coverage(bench) == true_coverage(tmp_path / "true", source)
    assert coverage(bench)[TODAY][0] == "open"
    assert any("Set this machine's clock" in record.message for record in caplog.records)
    ((first, last),) = bench.ask("SELECT min(first_seen_at), max(last_seen_at) FROM task_versions")
    assert abs(first - NOW) <= timedelta(seconds=1)
    assert abs(last - NOW) <= timedelta(seconds=1)


@FAULTS
def test_a_wrong_clock_between_true_loads_leaves_no_trace(tmp_path: Path, ahead: timedelta) -> None:
    bench = Bench(tmp_path / "wrong", living(NOW, 1, Dialect()))
    for wrong in (timedelta(), ahead, timedelta()):
        bench.source.machine_ahead = wrong
        bench.source.now += timedelta(hours=2)
        bench.load()
    states = {day: row[0] for day, row in coverage(bench).items()}
    assert states.pop(TODAY) == "open"
    assert set(states.values()) == {"complete"}
    started = [entry.started_at for entry in read_loads(bench.directory, "prod")]
    assert started == sorted(started)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("ahead", [timedelta(hours=72), timedelta(days=40)])
def test_verdicts_of_a_clock_that_was_ahead_do_not_outlive_the_next_true_load(
    tmp_path: Path, ahead: timedelta, *, deep: bool
) -> None:
    """Today and two future days stayed complete, or 39 days lost, whatever was loaded afterwards."""
    source = Undated(NOW, tasks=living(NOW, 1, Dialect()).tasks)
    bench = Bench(tmp_path / "wrong", source)
    bench.load_first()
    source.machine_ahead = ahead
    bench.load()
    source.machine_ahead, source.is_dated = timedelta(), True
    source.now += timedelta(hours=1)
    bench.load(deep=deep)
    found = coverage(bench)
    true = true_coverage(tmp_path / "true", source)
    assert {day: row[0] for day, row in found.items()} == {day: row[0] for day, row in true.items()}
    rebuild(bench.loading())
    assert coverage(bench) == found


def test_a_first_load_by_a_clock_that_was_ahead_is_made_good(tmp_path: Path) -> None:
    source = Undated(NOW, tasks=living(NOW, 1, Dialect()).tasks, machine_ahead=timedelta(days=40))
    bench = Bench(tmp_path / "wrong", source)
    bench.load()
    source.machine_ahead, source.is_dated = timedelta(), True
    source.now += timedelta(hours=1)
    bench.load()
    assert bench.truth(datetime(2026, 11, 13, tzinfo=UTC)).items() <= bench.held().items()
    true = true_coverage(tmp_path / "true", source)
    found = coverage(bench)
    assert {day: found[day][0] for day in true} == {day: row[0] for day, row in true.items()}
    assert max(found) == TODAY


class Down(LivingSource):
    """Answers nothing while it is down."""

    is_down: bool = False

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        if self.is_down:
            raise TransientSourceError("down")
        return super().list_tasks(query, limit=limit, offset=offset)


@pytest.mark.parametrize("off", [-timedelta(days=56 * 365), timedelta(days=365)])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_load_without_a_clock_or_a_source_moves_no_days(
    tmp_path: Path, off: timedelta, *, is_first: bool
) -> None:
    """Begun in 1970 while the source was down, it left 20,000 `lost` days; a year ahead, days to come."""
    source = Down(NOW, tasks=living(NOW, 1, Dialect()).tasks)
    bench = Bench(tmp_path / "wrong", source)
    if not is_first:
        bench.load_first()
    source.is_down, source.machine_ahead = True, off
    bench.load()
    source.is_down, source.machine_ahead = False, timedelta()
    source.now += timedelta(hours=2)
    bench.load()
    found = coverage(bench)
    assert found == true_coverage(tmp_path / "true", source)
    assert len(found) == 8
    rebuild(bench.loading())
    assert coverage(bench) == found


def test_clocks_that_move_against_each_other_during_a_load_end_it_with_a_sentence(tmp_path: Path) -> None:
    source = living(NOW, 1, Dialect())

    class Jumping(LivingSource):
        def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
            if self.requests_made == 10:
                self.machine_ahead = timedelta(days=2)
            return super().list_tasks(query, limit=limit, offset=offset)

    bench = Bench(tmp_path, Jumping(NOW, tasks=source.tasks))
    report = bench.load()
    assert report.exit_status(strict=False) == 1
    assert "moved against each other by 48 hours" in str(report.sources[0].entry.message)
    assert "complete" not in {row[0] for row in coverage(bench).values()}


def test_a_source_with_an_impossible_date_is_refused(tmp_path: Path) -> None:
    source = living(NOW, 1, Dialect())

    class Unset(LivingSource):
        def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
            page = super().list_tasks(query, limit=limit, offset=offset)
            return replace(page, served_at=datetime(1970, 1, 1, tzinfo=UTC))

    report = Bench(tmp_path, Unset(NOW, tasks=source.tasks)).load()
    assert report.exit_status(strict=False) == 1
    assert "which cannot be" in str(report.sources[0].entry.message)


def test_a_load_id_sorts_after_all_earlier_ones(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Undated(NOW, machine_ahead=timedelta(days=40)))
    bench.load()
    known = read_loads(bench.directory, "prod")[-1].load_id
    first = next_load_id(bench.directory, "prod", NOW, "ffffffff")
    assert first > known
    assert next_load_id(bench.directory, "other", NOW, "00000000") == "20261120T133711500000Z-00000000"


def test_only_a_confirmed_time_discredits_what_was_written_before_it() -> None:
    past, present, future = NOW - DAY, NOW, NOW + DAY
    assert trusted([(past, False), (future, False)], None) == [True, True]
    assert trusted([(past, False), (future, False)], present) == [True, False]
    assert trusted([(past, False), (future, False), (present, True)], None) == [True, False, True]
    assert trusted([(future, True), (present, False)], None) == [True, True]
    assert trusted([(None, False)], present) == [True]
