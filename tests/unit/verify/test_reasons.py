"""Why a day is not complete is stored, published and shown, each reason with what to do about it."""

import json
import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_reason import DayReason, explain
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.report.options import Language
from cbr_warehouse.report.texts import read_texts
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.warehouse.status import SourceStatus, read_status
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
FIRST = date(2026, 11, 13)
DAY = timedelta(days=1)


def reasons(bench: Bench) -> dict[date, tuple[str, str | None]]:
    return {day: (state, why) for day, state, why in bench.ask("SELECT day, state, reason FROM coverage")}


def status_of(bench: Bench) -> SourceStatus:
    (status,) = read_status(bench.directory.warehouse, bench.source.now - RETENTION)
    return status


def test_the_first_day_of_a_first_load_is_reported_once_and_is_no_warning(tmp_path: Path) -> None:
    source = living(NOW, 1, Dialect(retention=timedelta(days=7)))
    bench = Bench(tmp_path, source)
    report = bench.load()
    found = reasons(bench)
    assert found.pop(FIRST) == ("unverified", "edge_of_retention")
    assert found.pop(NOW.date()) == ("open", None)
    assert set(found.values()) == {("complete", None)}
    assert report.exit_status(strict=True) == 0
    assert report.sources[0].newly_beyond == (FIRST,)
    assert report.sources[0].days_by_reason() == {}
    assert (status_of(bench).unverified, status_of(bench).beyond_retention) == (0, 1)
    source.now += timedelta(hours=1)
    again = bench.load()
    assert again.exit_status(strict=True) == 0
    assert again.sources[0].newly_beyond == ()


def test_a_source_that_shows_no_task_at_all_still_warns(tmp_path: Path) -> None:
    bench = Bench(tmp_path, LivingSource(NOW))
    assert bench.load().exit_status(strict=True) == 1


def test_a_source_that_counts_the_rows_of_a_page_gives_no_count(tmp_path: Path) -> None:
    bench = Bench(tmp_path, living(NOW, 1, Dialect(count="page")))
    report = bench.load_first()
    found = reasons(bench)
    found.pop(NOW.date())
    assert set(found.values()) == {("unverified", "no_count")}
    assert report.exit_status(strict=True) == 1
    assert list(report.sources[0].days_by_reason()) == [("unverified", "no_count")]


class Uncounted(LivingSource):
    """Has no field ``count`` in its answers."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        return replace(super().list_tasks(query, limit=limit, offset=offset), count=None)


class Doubling(LivingSource):
    """Has two rows of some tasks in its lists, and counts both."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=1000, offset=0)
        rows = (*page.records, *(text for text in page.records if b'"id": "0' in text))
        return replace(page, records=rows[offset : offset + limit], count=len(rows))


class Undated(LivingSource):
    """Sends one task of a day with a created_at that is no time, and counts it on its day."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=limit, offset=offset)
        victim = min(task.id for task in self.tasks if task.created_at.date() == FIRST + 3 * DAY)
        rows = [json.loads(record) for record in page.records]
        for row in rows:
            if row["id"] == victim:
                row["created_at"] = "yesterday"
        return replace(page, records=tuple(json.dumps(row).encode() for row in rows))


class Claiming(LivingSource):
    """Counts one task more than it gives before a moment of the fourth day."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=limit, offset=offset)
        moment = datetime(2026, 11, 16, 12, tzinfo=UTC)
        is_before = query.start_time is None or query.start_time <= moment
        return replace(page, count=(page.count or 0) + 1) if is_before and limit == 1 else page


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        (Uncounted, "unverified", "no_count"),
        (Doubling, "unverified", "explained_by_repeats"),
        (Undated, "unverified", "explained_by_undated"),
        (Claiming, "incomplete", "source_has_more"),
    ],
)
def test_each_cause_has_its_reason(tmp_path: Path, kind: type[LivingSource], state: str, reason: str) -> None:
    bench = Bench(tmp_path, kind(NOW, tasks=living(NOW, 1, Dialect()).tasks))
    report = bench.load()
    found = reasons(bench)
    assert (state, reason) in found.values()
    assert (state, reason) in report.sources[0].days_by_reason()
    assert (state, reason) in {(one.state, one.reason) for one in status_of(bench).not_complete}
    rebuild(bench.loading())
    assert reasons(bench) == found


def test_days_asked_for_beyond_retention_are_counted_apart(tmp_path: Path) -> None:
    """`load --since 400d` left 370 days unverified in `status` for ever."""
    bench = Bench(tmp_path, living(NOW, 1, Dialect()))
    bench.load_first()
    bench.source.now += timedelta(hours=1)
    bench.load(range=Range(NOW - timedelta(days=100, hours=3), None))
    found = status_of(bench)
    assert found.beyond_retention >= 90
    assert (found.unverified, found.never_loaded, found.lost) == (0, 0, 0)


def test_a_day_that_no_load_checked_since_it_ended_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, living(NOW, 1, Dialect()))
    bench.load_first()
    bench.source.now += timedelta(days=2)
    bench.source.fails_after = bench.source.requests_made
    bench.load()
    found = reasons(bench)
    assert found[NOW.date()] == found[NOW.date() + DAY] == ("unverified", "not_looked_at")


def test_a_ledger_without_reasons_is_taken_up_as_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, living(NOW, 1, Dialect(count="page")))
    bench.load_first()
    for path in bench.directory.raw_ledger("audits", "prod").glob("*.json"):
        value = json.loads(path.read_text())
        value.pop("checksum", None)  # nor had those ledgers checksums
        for row in value["days"]:
            del row["reason"]
        path.write_text(json.dumps(value))
    rebuild(bench.loading())
    known = {reason for state, reason in reasons(bench).values() if state == "unverified"}
    assert known <= {"no_count", "counts_disagree"}
    bench.source.now += timedelta(hours=1)
    bench.load()
    loaded = reasons(bench)
    assert ("unverified", "no_count") in loaded.values()
    rebuild(bench.loading())
    assert reasons(bench) == loaded


def test_counted_intervals_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "cbr_warehouse.verify"):
        Bench(tmp_path, living(NOW, 1, Dialect())).load()
    told = [record.message for record in caplog.records if "the source counts" in record.message]
    assert len(told) >= 8
    assert all(message.startswith("prod: 2026-11-") and "by created_at" in message for message in told)


def test_every_reason_has_words_wherever_it_is_shown() -> None:
    for reason in set(DayReason) - {DayReason.SOURCE_HAS_MORE}:
        explained = explain(DayState.UNVERIFIED, reason)
        assert explained is not None
        assert explained.remedy.endswith(".")
    assert explain(DayState.INCOMPLETE, DayReason.SOURCE_HAS_MORE) is not None
    assert explain(DayState.LOST, DayReason.NO_COUNT) is not None
    assert explain(DayState.COMPLETE, None) is None
    assert explain(DayState.OPEN, None) is None
    for language in Language:
        texts: Any = read_texts(language)
        for reason in DayReason:
            assert reason.value in texts.words["value"]
            state = "incomplete" if reason is DayReason.SOURCE_HAS_MORE else "unverified"
            assert texts.remedy(state, reason.value)
        assert texts.remedy("lost", "no_count")
        assert texts.remedy("complete", None) is None
    schema = files("cbr_warehouse").joinpath("..", "..", "schemas", "coverage.yaml")
    assert all(reason.value in schema.read_text(encoding="utf-8") for reason in DayReason)
