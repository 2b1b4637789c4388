"""What a count proves of a day: complete only with proof, incomplete only where the source has more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extract.audit import DayCount, judge
from pipelines.extract.plan import DayState

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
    assert judge(found, is_today=False, undated=2) is DayState.UNVERIFIED
    assert judge(found, is_today=False, undated=1) is DayState.INCOMPLETE


@given(COUNTS, st.booleans(), st.integers(0, 3))
def test_nothing_is_complete_without_all_proof(found: DayCount, is_today: object, undated: int) -> None:
    state = judge(found, is_today=bool(is_today), undated=undated)
    if state is DayState.COMPLETE:
        assert found.agrees
        assert found.older
        assert found.counted is not None
        assert found.counted <= found.total
    if state is DayState.INCOMPLETE:
        assert found.counted is not None
        assert found.counted > found.total
