"""What folded ledgers amount to, with later ones added: the same as all of them, read from few files."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.raw import ledgers
from cbr_warehouse.raw.fold_ledgers import KEPT, fold_ledgers
from cbr_warehouse.raw.ledger_entries import AuditEntry, AuditFindings, LoadEntry
from cbr_warehouse.raw.ledger_order import Written
from cbr_warehouse.raw.ledger_state import (
    AuditsSummary,
    LoadsSummary,
    read_ledger_state,
    sum_audits,
    sum_loads,
)
from cbr_warehouse.raw.ledgers import (
    read_audits,
    read_edited_at,
    read_hidden_providers,
    read_loads,
    read_loads_summary,
    read_vanished,
    write_audit,
    write_load,
)
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TODAY = NOW.date()


def audit(
    at: datetime | None, *, confirmed: bool = True, counted: int = 1, day: date = TODAY, **values: Any
) -> tuple[Written, AuditFindings]:
    findings = AuditFindings((AuditEntry(day, counted, 0, "complete", at),), judged_at=at, **values)
    return (at, confirmed and at is not None), findings


def verdicts(summary: AuditsSummary | None) -> dict[date, int | None]:
    assert summary is not None
    return {entry.day: entry.counted for entry in summary.verdicts}


MOMENTS = st.sampled_from(
    [None, *(NOW + n * MINUTE for n in (-60, -6, -5, -4, 0, 0, 4, 5, 6, 60, 61, 64, 66))]
)
HISTORIES = st.lists(st.tuples(MOMENTS, st.booleans()), max_size=7)


@given(HISTORIES, st.integers(0, 7), MOMENTS)
def test_a_summary_with_later_audits_is_that_of_all_or_none(
    times: list[Written], split: int, now: datetime | None
) -> None:
    audits = [
        audit(at, confirmed=confirmed, counted=number, day=TODAY - timedelta(days=number % 2))
        for number, (at, confirmed) in enumerate(times)
    ]
    added = sum_audits(audits[:split], None).add(audits[split:], now)
    assert added is None or verdicts(added) == verdicts(sum_audits(audits, now))
    folded = sum_audits(audits[:split], None).add(audits[split:], None)
    assert folded is None or folded == sum_audits(audits, None)


def test_audits_in_order_are_added_to_a_summary() -> None:
    """Otherwise each load would read all ledgers ever written."""
    before = sum_audits([audit(NOW - HOUR), audit(NOW)], None)
    for later in (audit(NOW), audit(NOW + HOUR), audit(None), audit(NOW - HOUR, confirmed=False)):
        assert before.add([later], None) is not None
        assert before.add([later], NOW + HOUR) is not None
    assert before.add([audit(NOW), audit(NOW), audit(NOW + HOUR)], NOW + HOUR) is not None
    assert before.add([], None) == before
    # An unconfirmed time may be ahead of the source's by the tolerance.
    ahead = sum_audits([audit(NOW), audit(NOW + 5 * MINUTE, confirmed=False)], None)
    assert ahead.add([audit(NOW)], None) is not None
    assert AuditsSummary().add([audit(NOW)], None) is not None


def test_audits_that_contradict_each_other_are_not_added() -> None:
    before = sum_audits([audit(NOW - HOUR), audit(NOW)], None)
    assert before.add([audit(NOW - MINUTE)], None) is None
    assert before.add([], NOW - MINUTE) is None
    assert before.add([audit(NOW + HOUR), audit(NOW + MINUTE)], None) is None
    assert before.add([audit(NOW + HOUR)], NOW + MINUTE) is None
    ahead = sum_audits([audit(NOW), audit(NOW + 6 * MINUTE, confirmed=False)], None)
    assert ahead.add([audit(NOW)], None) is None
    # Two audits and one that says they are from the future: the next one says which is right.
    in_doubt = sum_audits([audit(NOW + HOUR), audit(NOW + 2 * HOUR), audit(NOW)], None)
    assert in_doubt.add([audit(NOW + 3 * HOUR)], None) is None


def test_the_present_says_which_of_the_later_audits_count() -> None:
    before = sum_audits([audit(NOW - HOUR, counted=1)], None)
    ahead = [audit(NOW + HOUR, confirmed=False, counted=2)]
    assert verdicts(before.add(ahead, None)) == {TODAY: 2}
    assert verdicts(before.add(ahead, NOW)) == {TODAY: 1}
    assert verdicts(sum_audits([audit(NOW - HOUR), *ahead], NOW)) == {TODAY: 1}


def test_what_is_missing_counts_even_where_the_verdicts_do_not() -> None:
    """A task that the source does not know is a fact, whatever the clock of the load that asked."""
    first = audit(NOW + 3 * HOUR, confirmed=False, counted=1, vanished=("a",))
    second = audit(NOW, counted=2, vanished=("b",), hidden_providers=("p",), edited_at=NOW)
    summary = sum_audits([first, second], None)
    assert (verdicts(summary), summary.vanished) == ({TODAY: 2}, {"a", "b"})
    assert (summary.hidden_providers, summary.edited_at) == (("p",), NOW)
    assert (summary.latest_at, summary.confirmed_at, summary.is_settled) == (NOW, NOW, True)
    unchanged = summary.add([], None)
    assert unchanged == summary
    later = summary.add([audit(NOW + HOUR, vanished=("c",)), audit(None, day=TODAY + timedelta(1))], None)
    assert later is not None
    assert (later.vanished, later.hidden_providers, later.edited_at) == ({"a", "b", "c"}, (), None)
    assert (later.latest_at, later.confirmed_at) == (NOW + HOUR, NOW + HOUR)
    assert verdicts(later).keys() == {TODAY, TODAY + timedelta(1)}


DONE = LoadEntry("1", "prod", NOW, "deep", since=NOW - 9 * HOUR, outcome="done", records=4)


def test_what_the_planner_knows_of_loads() -> None:
    first = replace(DONE, load_id="0", started_at=NOW - HOUR, outcome="interrupted")
    later = replace(DONE, load_id="2", started_at=NOW + HOUR, purpose="incremental", since=NOW - 5 * HOUR)
    wide = replace(DONE, load_id="3", started_at=NOW + 2 * HOUR, purpose="range", since=NOW - 99 * HOUR)
    failed = replace(DONE, load_id="4", started_at=NOW + HOUR, outcome="failed", since=NOW - 50 * HOUR)
    # Without records it had no source to set its clock by, and may have begun at any time.
    untimed = replace(failed, load_id="5", started_at=NOW - 999 * HOUR, records=0, since=NOW - 999 * HOUR)
    loads = [first, DONE, later, wide, failed, untimed]
    expected = LoadsSummary(
        newest=untimed,
        newest_timed=failed,
        first_at=NOW - HOUR,
        requested_from=NOW - 50 * HOUR,
        since=NOW - 99 * HOUR,
        last_done=wide,
        last_planned=later,
        last_deep=DONE,
        unfinished=("4", "5"),
        latest_at=NOW + 2 * HOUR,
    )
    assert sum_loads(loads) == expected
    assert sum_loads(loads[3:], sum_loads(loads[:3])) == expected
    assert sum_loads([]) == LoadsSummary()
    assert sum_loads([untimed, first]).first_at == NOW - HOUR


@pytest.fixture
def folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    """A source of which all loads and audits but the newest are folded."""
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)
    directory = DataDirectory(tmp_path)
    for number in range(KEPT + 4):
        at = NOW + number * HOUR
        name = f"{at:%Y%m%dT%H%M%S%fZ}-0"
        write_load(directory, replace(DONE, load_id=name, started_at=at))
        _, findings = audit(at, counted=number, day=TODAY + timedelta(number), vanished=(f"t{number}",))
        write_audit(directory, "prod", name, replace(findings, is_confirmed=True))
    fold_ledgers(directory, "prod", at_once=True)
    return directory


READERS: list[Callable[[DataDirectory, str], object]] = [
    read_loads_summary,
    read_audits,
    read_vanished,
    read_hidden_providers,
    read_edited_at,
]


def read_all(directory: DataDirectory) -> list[object]:
    return [read(directory, "prod") for read in READERS]


def test_a_flipped_bit_of_the_state_is_noticed(
    folded: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    path = folded.ledger_state("prod")
    content, state = path.read_bytes(), read_ledger_state(path)
    assert state is not None
    assert caplog.text == ""
    for place in range(0, len(content), 13):
        flipped = bytearray(content)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        assert read_ledger_state(path) in (None, state)
    expected = read_all(folded)
    path.write_bytes(content.replace(b"complete", b"unproved"))
    assert read_all(folded) == expected
    assert f"{path}: is damaged, so it is made again from the ledgers" in caplog.text
    # One of another version of the program is not damaged, and not read.
    caplog.clear()
    other = b'{"folded_loads":[],"version":999}'
    checksum = hashlib.blake2b(other, digest_size=16).hexdigest()
    path.write_bytes(b'{"checksum":"%s","state":%s}' % (checksum.encode(), other))
    assert read_ledger_state(path) is None
    assert caplog.text == ""
    path.unlink()
    assert read_ledger_state(path) is None


def refuse(_folder: Path) -> list[Any]:
    raise AssertionError("read all entries")


def test_folded_ledgers_are_not_read_again(folded: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ledgers of years, a load read all of them for each of these answers."""
    expected = read_all(folded)
    assert len(read_audits(folded, "prod")) == KEPT + 4
    newest = read_loads(folded, "prod")[-2:]
    monkeypatch.setattr(ledgers, "read_entries", refuse)
    assert read_all(folded) == expected
    # Nor for the present that the newest load confirmed, or a minute before.
    at = newest[-1].started_at
    for present in (at, at - MINUTE):
        assert read_loads_summary(folded, "prod", present).newest == newest[-1]
    assert read_audits(folded, "prod", at).keys() == read_audits(folded, "prod").keys()
    assert read_loads_summary(folded, "prod", at - HOUR).newest == newest[0]
    assert read_loads(folded, "prod", after=newest[0].load_id) == [newest[1]]


def test_loads_dated_after_the_present_do_not_count(folded: DataDirectory) -> None:
    first, *_, newest = read_loads(folded, "prod")
    for present in (first.started_at, first.started_at - 5 * MINUTE):
        summary = read_loads_summary(folded, "prod", present)
        assert (summary.newest, summary.last_done) == (first, first)
    assert read_loads_summary(folded, "prod", first.started_at - 6 * MINUTE) == LoadsSummary()
    assert read_loads_summary(folded, "prod", newest.started_at - 5 * MINUTE).newest == newest


@pytest.mark.parametrize("kind", ["loads", "audits"])
def test_ledgers_that_were_put_back_count(folded: DataDirectory, kind: str) -> None:
    """A copy from a backup lies beside the folded files, or is a folded file more."""
    state = folded.ledger_state("prod")
    before, content = read_all(folded), state.read_bytes()
    ids = [load.load_id for load in read_loads(folded, "prod")]
    earlier = f"{NOW - 99 * HOUR:%Y%m%dT%H%M%S%fZ}-0"
    write_load(folded, replace(DONE, load_id=earlier, started_at=NOW - 99 * HOUR, since=NOW - 999 * HOUR))
    write_audit(folded, "prod", earlier, AuditFindings((), ("put back",), judged_at=NOW - 99 * HOUR))
    other = folded.raw_ledger("audits" if kind == "loads" else "loads", "prod")
    (other / f"{earlier}.json").unlink()

    def assert_counts() -> None:
        if kind == "loads":
            assert read_loads_summary(folded, "prod").first_at == NOW - 99 * HOUR
            assert read_audits(folded, "prod") == before[1]
            assert [load.load_id for load in read_loads(folded, "prod")] == [earlier, *ids]
        else:
            assert "put back" in read_vanished(folded, "prod")
            assert read_loads_summary(folded, "prod") == before[0]

    assert_counts()
    fold_ledgers(folded, "prod", at_once=True)
    assert_counts()
    state.write_bytes(content)  # of before that
    assert_counts()
    fold_ledgers(folded, "prod")
    assert state.read_bytes() != content
    assert_counts()
