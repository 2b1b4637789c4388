"""Which ledgers a wrong clock wrote: the loader's, or for once the source's own."""

from datetime import UTC, datetime, timedelta

from cbr_warehouse.raw.ledger_order import trusted

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTH_OF_LOADS = [(NOW + hour * HOUR, True) for hour in range(30 * 24)]
END = NOW + 30 * DAY


def test_one_response_dated_a_month_ago_discredits_no_other_ledger() -> None:
    """All verdicts of four weeks were dropped for good, because one load's source gave an old Date."""
    outlier = (END - 28 * DAY, True)
    later = [(END + hour * HOUR, True) for hour in range(1, 4)]
    for following in (later[:0], later[:1], later):
        counts = trusted([*MONTH_OF_LOADS, outlier, *following], None)
        assert counts == [True] * len(MONTH_OF_LOADS) + [False] + [True] * len(following)


def test_many_ledgers_of_a_source_that_was_ahead_give_way_to_two_that_agree_on_the_present() -> None:
    ahead = [(at + 30 * DAY, True) for at, _ in MONTH_OF_LOADS]
    true = [(END, True), (END + HOUR, True)]
    is_early = [at <= END + timedelta(minutes=5) for at, _ in ahead]
    assert trusted([*ahead, *true], None) == [*is_early, True, True]
    assert trusted(ahead, END) == is_early


def test_a_confirmed_time_still_discredits_a_few_that_were_ahead() -> None:
    ahead = [(NOW + 3 * DAY, True), (NOW + 3 * DAY + HOUR, True)]
    assert trusted([(NOW, True), *ahead, (NOW + HOUR, True)], None) == [True, False, False, True]
