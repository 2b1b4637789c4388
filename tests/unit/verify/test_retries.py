"""Days that are never proved are asked for at growing intervals, and at once when anything changes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from cbr_warehouse.raw.ledgers import AuditEntry, read_audits
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from support.living_source import Dialect, LivingSource, living
from support.load_bench import DIALECTS, Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
DAY = timedelta(days=1)
ODD = (date(2026, 11, 15), date(2026, 11, 17), date(2026, 11, 18))


class Odd(LivingSource):
    """Sends one task of some days with a created_at that is no time, and counts it on its day."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=limit, offset=offset)
        victims = {
            min((task.id for task in self.tasks if task.created_at.date() == day), default="") for day in ODD
        }
        rows = [json.loads(record) for record in page.records]
        for row in rows:
            if row["id"] in victims:
                row["created_at"] = "yesterday"
        return replace(page, records=tuple(json.dumps(row).encode() for row in rows))


def odd(tmp_path: Path, dialect: Dialect | None = None) -> Bench:
    dialect = dialect or Dialect()
    return Bench(tmp_path, Odd(NOW, dialect, living(NOW, 1, dialect).tasks))


def requests_of(
    bench: Bench, *, hours: float = 1, deep: bool = False, publish: bool = False
) -> tuple[int, int]:
    """The requests of a load some hours later, and what was expected."""
    bench.source.now += timedelta(hours=hours)
    bench.source.requests_made = 0
    entry = bench.load(publish=False, deep=deep).sources[0].entry
    assert entry.requests is not None
    assert entry.expected_requests is not None
    return entry.requests, entry.expected_requests


def audits(bench: Bench) -> dict[date, AuditEntry]:
    return read_audits(bench.directory, "prod")


def test_a_quiet_load_of_days_never_proved_is_cheap(tmp_path: Path) -> None:
    """Every load asked for such days in all ways: 158 requests of 259 tasks with one odd record."""
    bench = odd(tmp_path)
    bench.load_first(publish=False)
    plain = Bench(tmp_path / "plain", living(NOW, 1, Dialect()))
    plain.load_first(publish=False)
    for one in (bench, plain):
        requests_of(one)
    quiet = requests_of(bench)[0]
    assert quiet <= requests_of(plain)[0] + 2 * len(ODD) + 1
    assert quiet <= 40
    assert {audits(bench)[day].reason for day in ODD} == {"explained_by_undated"}


def test_the_intervals_grow_and_a_deep_load_asks_again(tmp_path: Path) -> None:
    bench = odd(tmp_path)
    bench.load_first(publish=False)
    asks = [audits(bench)[ODD[0]].asks]
    for _ in range(23):
        requests_of(bench)
        asks.append(audits(bench)[ODD[0]].asks)
    # One hour, then four, then twelve; the loads in between do not ask.
    assert [asks.index(n) for n in range(1, max(asks) + 1)] == [0, 1, 5, 17]
    deep, _ = requests_of(bench)
    assert audits(bench)[ODD[0]].asks == 5
    assert deep > requests_of(bench)[0] + 20


@pytest.mark.parametrize("on_odd_day", [True, False])
def test_a_late_task_is_found_by_the_next_load(tmp_path: Path, on_odd_day: bool) -> None:
    bench = odd(tmp_path)
    bench.load_first(publish=False)
    for _ in range(2):
        requests_of(bench)
    day = ODD[1] if on_odd_day else ODD[1] - DAY
    created = datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
    late = bench.source.add(Random(7), created)
    bench.source.tasks[-1] = replace(late, visible_from=bench.source.now + timedelta(minutes=30), id="f" * 32)
    requests_of(bench)
    assert "f" * 32 in bench.stored()
    assert audits(bench)[ODD[1]].reason == "explained_by_undated"


def test_a_day_whose_odd_record_is_mended_becomes_complete(tmp_path: Path) -> None:
    bench = odd(tmp_path)
    bench.load_first(publish=False)
    for _ in range(2):
        requests_of(bench)
    bench.source.__class__ = LivingSource
    requests_of(bench, hours=24)
    assert {audits(bench)[day].state for day in ODD} == {"complete"}


@pytest.mark.parametrize("name", ["plain", "filters started_at", "one row a page"])
@pytest.mark.parametrize("kind", [LivingSource, Odd])
def test_a_load_asks_what_was_expected(tmp_path: Path, name: str, kind: type[LivingSource]) -> None:
    """Within 1.5 times, of quiet sources and of odd ones."""
    bench = Bench(tmp_path, kind(NOW, DIALECTS[name], living(NOW, 1, DIALECTS[name]).tasks))
    bench.load_first(publish=False)
    for hours, deep in ((1, False), (5, False), (1, True)):
        made, expected = requests_of(bench, hours=hours, deep=deep)
        assert made <= 1.5 * expected, (hours, deep)
        assert expected <= 1.5 * made, (hours, deep)
