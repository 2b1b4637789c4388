"""Folded or not, ledgers say the same: under any history, with any clock, and with a damaged state file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.raw.fold_ledgers import fold_ledgers
from cbr_warehouse.raw.ledger_entries import AuditEntry, AuditFindings, LoadEntry, SweepEntry
from cbr_warehouse.raw.ledger_order import next_load_id
from cbr_warehouse.raw.ledgers import (
    read_audits,
    read_hidden_providers,
    read_loads,
    read_loads_summary,
    read_sweeps,
    read_vanished,
    write_audit,
    write_load,
    write_sweep,
)
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from support.flipped_bit import flip_bit

FIRST = datetime(2026, 1, 30, 12, tzinfo=UTC)
SOURCE = "prod"
WRONG = (timedelta(), timedelta(days=-28), timedelta(days=3), timedelta(days=400), timedelta(minutes=-4))


@dataclass(frozen=True)
class Step:
    """One load of a history."""

    hours: int
    off: timedelta
    is_confirmed: bool
    outcome: str
    purpose: str
    states: tuple[str, ...]
    vanished: tuple[str, ...]
    is_folded: bool
    damage: str


STEPS = st.lists(
    st.builds(
        Step,
        hours=st.sampled_from([1, 1, 1, 30, 500]),
        off=st.sampled_from([*[timedelta()] * 12, *WRONG]),
        is_confirmed=st.sampled_from([True, True, True, False]),
        outcome=st.sampled_from(["done", "done", "done", "failed", "interrupted"]),
        purpose=st.sampled_from(["incremental", "deep", "range"]),
        states=st.lists(st.sampled_from(["complete", "unverified", "open"]), max_size=3).map(tuple),
        vanished=st.lists(st.sampled_from("abc"), max_size=1).map(tuple),
        is_folded=st.sampled_from([False, False, True]),
        damage=st.sampled_from(["", "", "", "removed", "flipped", "older"]),
    ),
    max_size=40,
)


def note(directory: DataDirectory, step: Step, now: datetime) -> None:
    load_id = next_load_id(directory, SOURCE, now, "00000000")
    done = step.outcome == "done"
    entry = LoadEntry(
        load_id,
        SOURCE,
        now,
        step.purpose,
        since=now - timedelta(days=30),
        finished_at=now,
        records=5 if done else 0,
        outcome=step.outcome,
    )
    write_load(directory, entry)
    write_sweep(directory, SOURCE, SweepEntry(load_id, 1, "live", now, now, 1, 1, now))
    if done:
        days = tuple(
            AuditEntry(now.date() - timedelta(days=ago), ago, 0, state, now, "no_count")
            for ago, state in enumerate(step.states)
        )
        findings = AuditFindings(days, step.vanished, step.vanished, now, step.is_confirmed)
        write_audit(directory, SOURCE, load_id, findings)


def answers(directory: DataDirectory, presents: Iterable[datetime | None]) -> list[object]:
    found: list[object] = [read_loads(directory, SOURCE), read_vanished(directory, SOURCE)]
    found.append(read_hidden_providers(directory, SOURCE))
    for present in presents:
        found += [read_loads_summary(directory, SOURCE, present), read_audits(directory, SOURCE, present)]
    summary = read_loads_summary(directory, SOURCE)
    found.append(read_sweeps(directory, SOURCE, frozenset(summary.unfinished)))
    loads = read_loads(directory, SOURCE)
    found += [read_loads(directory, SOURCE, after=load.load_id) for load in loads[::3]]
    return found


def damage_state(path: Path, how: str, older: bytes) -> None:
    if not path.exists() or not path.stat().st_size:
        return
    if how == "removed":
        path.unlink()
    elif how == "flipped":
        flip_bit(path)
    elif how == "older":
        path.write_bytes(older)


@pytest.fixture(autouse=True, scope="module")
def _without_syncs() -> Iterator[None]:
    """Thousands of small files are written; a power failure is not what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic_write, "_sync", lambda _path: None)
        yield


@settings(max_examples=60)
@given(STEPS)
def test_folded_ledgers_say_what_all_of_them_say(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        plain, folded = DataDirectory(Path(folder) / "plain"), DataDirectory(Path(folder) / "folded")
        now, older = FIRST, b""
        for step in steps:
            now += timedelta(hours=step.hours)
            for directory in (plain, folded):
                note(directory, step, now + step.off)
            state = folded.ledger_state(SOURCE)
            if step.is_folded:
                older = state.read_bytes() if state.exists() else b""
                fold_ledgers(folded, SOURCE, at_once=True)
            damage_state(state, step.damage, older)
        presents = [None, now, now + timedelta(hours=1), now - timedelta(days=28)]
        assert answers(folded, presents) == answers(plain, presents)
