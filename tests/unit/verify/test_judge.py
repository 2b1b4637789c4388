"""What a count proves of a day: complete only with proof, incomplete only where the source has more."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.verify.count_days import DayCount
from cbr_warehouse.verify.judge import Judgement, Uncertain, judge
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
    ("counted", "total", "older", "agrees", "state", "reason"),
    [
        (7, 7, True, True, DayState.COMPLETE, None),
        (0, 0, True, True, DayState.COMPLETE, None),
        (7, 7, True, False, DayState.UNVERIFIED, DayReason.COUNTS_DISAGREE),
        (7, 7, False, True, DayState.UNVERIFIED, DayReason.EDGE_OF_RETENTION),
        (0, 0, False, True, DayState.UNVERIFIED, DayReason.EDGE_OF_RETENTION),
        (None, 7, True, False, DayState.UNVERIFIED, DayReason.NO_COUNT),
        (None, 0, True, False, DayState.UNVERIFIED, DayReason.NO_COUNT),
        (8, 7, True, False, DayState.INCOMPLETE, DayReason.SOURCE_HAS_MORE),
        (8, 7, False, False, DayState.INCOMPLETE, DayReason.SOURCE_HAS_MORE),
        (6, 7, True, False, DayState.UNVERIFIED, DayReason.COUNTS_DISAGREE),
        (6, 7, False, False, DayState.UNVERIFIED, DayReason.EDGE_OF_RETENTION),
    ],
)
def test_what_each_count_proves(
    counted: int | None, total: int, state: DayState, reason: DayReason | None, *, older: bool, agrees: bool
) -> None:
    assert judge(DayCount(counted, total, older, agrees), is_today=False) == Judgement(state, reason)


def test_a_day_that_is_not_over_is_open_whatever_it_counts() -> None:
    assert judge(DayCount(7, 7, older=True, agrees=True), is_today=True) == Judgement(DayState.OPEN)


def test_a_source_that_counts_the_rows_of_a_page_gives_no_count() -> None:
    found = DayCount(7, 7, older=False, agrees=False, is_usable=False)
    assert judge(found, is_today=False) == Judgement(DayState.UNVERIFIED, DayReason.NO_COUNT)


def test_records_without_a_time_may_be_what_the_source_has_more() -> None:
    found = DayCount(9, 7, older=True, agrees=False)
    for uncertain, reason in (
        (Uncertain(2, 0), DayReason.EXPLAINED_BY_UNDATED),
        (Uncertain(1, 1), DayReason.EXPLAINED_BY_REPEATS),
        (Uncertain(0, 2), DayReason.EXPLAINED_BY_REPEATS),
    ):
        assert judge(found, is_today=False, uncertain=uncertain) == Judgement(DayState.UNVERIFIED, reason)
    for too_few in (Uncertain(1, 0), Uncertain(0, 1)):
        assert judge(found, is_today=False, uncertain=too_few).state is DayState.INCOMPLETE


class Doubling(LivingSource):
    """Has two rows of some tasks in its lists, and counts both."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=1000, offset=0)
        rows = (*page.records, *(text for text in page.records if b'"id": "0' in text))
        return replace(page, records=rows[offset : offset + limit], count=len(rows))


def test_rows_that_repeat_a_task_are_not_taken_for_tasks_that_are_missing(tmp_path: Path) -> None:
    source = Doubling(NOW, tasks=living(NOW, 1, Dialect()).tasks)
    bench = Bench(tmp_path, source)
    report = bench.load(publish=False)
    assert report.sources[0].unverified, "some day had a doubled task"
    assert report.exit_status(strict=False) == 0
    assert bench.truth(HORIZON).items() <= bench.stored().items()


@given(COUNTS, st.booleans(), st.builds(Uncertain, st.integers(0, 2), st.integers(0, 2)))
def test_nothing_is_complete_without_all_proof(
    found: DayCount, is_today: object, uncertain: Uncertain
) -> None:
    verdict = judge(found, is_today=bool(is_today), uncertain=uncertain)
    state = verdict.state
    assert (verdict.reason is None) == (state in {DayState.COMPLETE, DayState.OPEN})
    if state is DayState.COMPLETE:
        assert found.agrees
        assert found.older
        assert found.counted is not None
        assert found.counted <= found.total
    if state is DayState.INCOMPLETE:
        assert found.counted is not None
        assert found.counted > found.total
