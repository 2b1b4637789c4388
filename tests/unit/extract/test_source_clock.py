"""A load goes by the source's time: where the clocks differ by more than the tolerance, ours is corrected."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.extract.source_clock import MOST_DRIFT, SourceClock
from cbr_warehouse.raw.ledger_order import CLOCK_TOLERANCE
from cbr_warehouse.source.page import Page

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.fault("clock faults")


def page(off: timedelta | None) -> Page:
    """A response that arrived now, by a server's clock that ours is ahead of by ``off``."""
    return Page((), 0, NOW, None, 1, 0, 200, served_at=None if off is None else NOW - off)


def clock() -> SourceClock:
    return SourceClock(lambda: NOW, "prod")


def test_without_a_date_nothing_is_confirmed() -> None:
    seen = clock()
    seen.observe(page(None))
    assert not seen.is_confirmed
    assert seen.confirmed_now() is None
    assert seen.now() == seen.certain_now() == NOW


@pytest.mark.parametrize("off", [CLOCK_TOLERANCE, -CLOCK_TOLERANCE, timedelta()])
def test_within_the_tolerance_ours_is_right_and_what_is_certain_is_by_the_later_one(off: timedelta) -> None:
    seen = clock()
    seen.observe(page(off))
    assert seen.ahead == timedelta()
    assert seen.confirmed_now() == NOW
    assert seen.certain_now() == NOW - max(off, timedelta())


@pytest.mark.parametrize("off", [CLOCK_TOLERANCE + SECOND, -CLOCK_TOLERANCE - SECOND, timedelta(days=40)])
def test_beyond_it_the_source_is_right(off: timedelta) -> None:
    seen = clock()
    seen.observe(page(off))
    assert seen.ahead == off
    assert seen.now() == seen.confirmed_now() == seen.certain_now() == NOW - off
    assert seen.correct(NOW + SECOND) == NOW + SECOND - off


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (timedelta(minutes=6), "6 minutes ahead of"),
        (timedelta(minutes=-119), "119 minutes behind"),
        (timedelta(hours=2), "2 hours ahead of"),
        (timedelta(hours=-72, minutes=10), "72 hours behind"),
    ],
)
def test_a_wrong_clock_is_reported_once_with_its_distance(
    off: timedelta, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen = clock()
    with caplog.at_level(logging.WARNING):
        seen.observe(page(off))
        seen.observe(page(off))
    (record,) = caplog.records
    assert record.getMessage().startswith(f"prod: this machine's clock is {said} the source's;")


def test_the_server_that_is_furthest_behind_counts() -> None:
    seen = clock()
    for off in (timedelta(minutes=1), timedelta(minutes=4), timedelta(minutes=2)):
        seen.observe(page(off))
    assert seen.certain_now() == NOW - timedelta(minutes=4)


@pytest.mark.parametrize("moved", [MOST_DRIFT, -MOST_DRIFT])
def test_clocks_may_move_by_an_hour_and_no_more(moved: timedelta) -> None:
    seen = clock()
    seen.observe(page(timedelta(hours=3)))
    seen.observe(page(timedelta(hours=3) + moved))
    beyond = timedelta(hours=3) + moved + (SECOND if moved > timedelta() else -SECOND)
    with pytest.raises(PermanentSourceError, match="source prod moved against each other by 60 minutes"):
        seen.observe(page(beyond))


def test_the_first_moment_that_can_be_is_taken() -> None:
    seen = clock()
    seen.observe(page(NOW - EARLIEST))
    assert seen.now() == EARLIEST


def test_a_source_of_another_century_is_refused() -> None:
    with pytest.raises(PermanentSourceError, match="gives 1999-12-31 as the present, which cannot be"):
        clock().observe(page(NOW - datetime(1999, 12, 31, 23, tzinfo=UTC)))
