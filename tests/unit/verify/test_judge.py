"""What a count proves of a day: complete only with proof, incomplete only where the source has more."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.verify.count_days import DayCount
from cbr_warehouse.verify.judge import judge
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)

HORIZON = datetime(2026, 11, 13, tzinfo=UTC)
COUNTS = st.builds(
    DayCount,
    counted=st.none() | st.integers(0, 20),
    total=st.integers(0, 20),
    older=st.booleans(),
    agrees=st.booleans(),
)


@pytest.mark.parametrize(
    ("counted", "total", "older", "agrees", "state"),
    [
        (7, 7, True, True, DayState.COMPLETE),
        (0, 0, True, True, DayState.COMPLETE),
        (7, 7, True, False, DayState.UNVERIFIED),
        (7, 7, False, True, DayState.UNVERIFIED),
        (0, 0, False, True, DayState.UNVERIFIED),
        (None, 7, True, False, DayState.UNVERIFIED),
        (None, 0, True, False, DayState.UNVERIFIED),
        (8, 7, True, False, DayState.INCOMPLETE),
        (8, 7, False, False, DayState.INCOMPLETE),
        (6, 7, True, False, DayState.UNVERIFIED),
    ],
)
def test_what_each_count_proves(
    counted: int | None, total: int, state: DayState, *, older: bool, agrees: bool
) -> None:
    assert judge(DayCount(counted, total, older, agrees), is_today=False) is state


def test_a_day_that_is_not_over_is_open_whatever_it_counts() -> None:
    assert judge(DayCount(7, 7, older=True, agrees=True), is_today=True) is DayState.OPEN


def test_records_without_a_time_may_be_what_the_source_has_more() -> None:
    found = DayCount(9, 7, older=True, agrees=False)
    assert judge(found, is_today=False, uncertain=2) is DayState.UNVERIFIED
    assert judge(found, is_today=False, uncertain=1) is DayState.INCOMPLETE


class Doubling(LivingSource):
    """Has two rows of some tasks in its lists, and counts both."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=1000, offset=0)
        rows = (*page.records, *(text for text in page.records if b'"id": "0' in text))
        return replace(page, records=rows[offset : offset + limit], count=len(rows))


def test_rows_that_repeat_a_task_are_not_taken_for_tasks_that_are_missing(tmp_path: Path) -> None:
    source = Doubling(NOW, tasks=living(NOW, 1, Dialect()).tasks)
    bench = Bench(tmp_path, source)
    report = bench.load()
    assert report.sources[0].unverified, "some day had a doubled task"
    assert report.exit_status(strict=False) == 0
    assert bench.truth(HORIZON).items() <= bench.held().items()


@given(COUNTS, st.booleans(), st.integers(0, 3))
def test_nothing_is_complete_without_all_proof(found: DayCount, is_today: object, uncertain: int) -> None:
    state = judge(found, is_today=bool(is_today), uncertain=uncertain)
    if state is DayState.COMPLETE:
        assert found.agrees
        assert found.older
        assert found.counted is not None
        assert found.counted <= found.total
    if state is DayState.INCOMPLETE:
        assert found.counted is not None
        assert found.counted > found.total
