"""Which ledgers a wrong clock wrote: the loader's, or for once the source's own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.raw.ledger_entries import LoadEntry
from cbr_warehouse.raw.ledger_order import is_settled, last_agreeing, next_load_id, stamp_of, trusted
from cbr_warehouse.raw.ledgers import write_load
from cbr_warehouse.storage.layout import DataDirectory

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


MINUTE = timedelta(minutes=1)
UNKNOWN = (None, False)


@pytest.mark.parametrize("off", [timedelta(), 5 * MINUTE])
def test_two_clocks_may_differ_by_five_minutes(off: timedelta) -> None:
    confirmed = (NOW, True)
    assert trusted([(NOW + off, False), confirmed], None) == [True, True]
    assert trusted([(NOW + off, True), confirmed], None) == [True, True]
    assert trusted([(NOW + off, False)], NOW) == [True]
    later = [(NOW + hour * HOUR, True) for hour in range(3)]
    assert trusted([*later, (NOW + 2 * HOUR - off, True), (NOW + 3 * HOUR, True)], None) == [True] * 5


@pytest.mark.parametrize("off", [6 * MINUTE, 3 * HOUR])
def test_a_ledger_from_the_future_of_a_confirmed_one_does_not_count(off: timedelta) -> None:
    ahead, confirmed = (NOW + off, False), (NOW, True)
    assert trusted([ahead, confirmed], None) == [False, True]
    assert trusted([ahead], NOW) == [False]
    # However many other ledgers, with or without a time, are in between.
    assert trusted([ahead, UNKNOWN, (NOW - DAY, False), confirmed], None) == [False, True, True, True]
    assert trusted([ahead, confirmed, (NOW + DAY, True)], NOW + 2 * DAY) == [False, True, True]


@pytest.mark.parametrize("off", [6 * MINUTE, 3 * HOUR])
def test_a_source_that_dated_itself_before_earlier_ledgers_does_not_count(off: timedelta) -> None:
    before = [(NOW - HOUR, True), (NOW - MINUTE, True), (NOW, True)]
    after = [(NOW + HOUR, True), (NOW + 2 * HOUR, True)]
    assert trusted([*before, (NOW - off, True), *after], None) == [True] * 3 + [False] + [True] * 2
    # A ledger without a time tells nothing, and hides nothing either.
    ledgers = [*before, UNKNOWN, (NOW - off, True), UNKNOWN, *after]
    assert trusted(ledgers, None) == [True] * 4 + [False] + [True] * 3
    # An unconfirmed time that is too early is a machine's without NTP: what its source counted is true.
    assert trusted([*before, (NOW - off, False), *after], None) == [True] * 6


@pytest.mark.parametrize("ahead", [1, 2, 3])
def test_a_lone_confirmed_time_declares_two_others_wrong_at_most(ahead: int) -> None:
    others = [(NOW + number * HOUR, True) for number in range(1, ahead + 1)]
    # What is within the tolerance does not contradict it.
    counts = trusted([(NOW + 5 * MINUTE, True), *others, (NOW, True)], None)
    assert counts == [True, *[ahead > 2] * ahead, ahead <= 2]


def test_ledgers_of_one_moment_are_in_order() -> None:
    assert trusted([(NOW, True)] * 4, None) == [True] * 4
    assert last_agreeing([(NOW, True)] * 2) == NOW


def test_the_last_agreeing_time_is_of_the_confirmed_ones_in_order() -> None:
    assert last_agreeing([]) is None
    assert last_agreeing([(NOW, False), UNKNOWN]) is None
    in_order = [(NOW, True), (NOW + HOUR, True)]
    assert last_agreeing([*in_order, (NOW + DAY, False)]) == NOW + HOUR
    assert last_agreeing([*in_order, (NOW - DAY, True), (NOW + 2 * HOUR, True)]) == NOW + 2 * HOUR


def test_whether_later_ledgers_can_change_the_trust_in_some() -> None:
    assert is_settled([])
    assert is_settled(MONTH_OF_LOADS)
    # Three ledgers in order outweigh the newest one, until the next one agrees with that.
    in_doubt = [*MONTH_OF_LOADS[:3], (NOW - HOUR, True)]
    assert is_settled(in_doubt)
    # Two do not: they are from the future of the newest, unless more turn out to agree with them.
    assert not is_settled([*MONTH_OF_LOADS[1:3], (NOW, True)])


def test_a_new_load_id_sorts_after_all_earlier_ones(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)

    def note(name: str) -> str:
        write_load(directory, LoadEntry(name, "prod", NOW, "deep"))
        return name

    assert next_load_id(directory, "prod", NOW, "ff") == "20261120T120000000000Z-ff"
    first = note(next_load_id(directory, "prod", NOW, "ff"))
    # Begun in the same microsecond, with a part that sorts before; then by a clock a year behind.
    second = note(next_load_id(directory, "prod", NOW, "00"))
    third = note(next_load_id(directory, "prod", NOW - 365 * DAY, "00"))
    fourth = note(next_load_id(directory, "prod", NOW + HOUR, "00"))
    assert first < second < third < fourth
    assert [stamp_of(name) for name in (first, fourth)] == [NOW, NOW + HOUR]
    # A hidden file is one that is being written, and a name without a time is none of ours.
    (directory.raw_ledger("loads", "prod") / ".99991120T120000000000Z-0.json").write_bytes(b"")
    assert stamp_of(next_load_id(directory, "prod", NOW + 2 * HOUR, "00")) == NOW + 2 * HOUR
    assert stamp_of("undated") is None
