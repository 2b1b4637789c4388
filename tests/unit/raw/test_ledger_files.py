"""Entries in single and in folded files: each is read once, and which are folded when."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw import fold_ledgers as folding
from cbr_warehouse.raw import ledger_files
from cbr_warehouse.raw.fold_ledgers import KEPT, MOST, fold_ledgers, foldable_ledgers
from cbr_warehouse.raw.ledger_entries import AuditFindings, LandedFile, LandedFiles, LoadEntry, SweepEntry
from cbr_warehouse.raw.ledger_files import (
    Entry,
    fold,
    folded_files,
    iterate_entries,
    read_entries,
    read_folded,
    read_singles,
    single_files,
    verify_folded,
)
from cbr_warehouse.raw.ledger_state import LedgerState, read_ledger_state, sum_loads
from cbr_warehouse.raw.ledgers import (
    check_ledgers,
    read_loads,
    read_sweeps,
    write_audit,
    write_landed_files,
    write_load,
    write_sweep,
)
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.checked_json import write_checked_json
from cbr_warehouse.storage.layout import DataDirectory

OCTOBER, NOVEMBER = "20261031T230000000000Z-1.json", "20261101T000000000000Z-1.json"
FIRST = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def write(folder: Path, *names: str, **value: Any) -> None:
    for name in names:
        write_checked_json(folder / name, {"name": name} | value)


def names(folder: Path) -> list[str]:
    entries = read_entries(folder)
    assert [*iterate_entries(folder)] == entries
    return [entry.name for entry in entries]


def test_each_month_is_folded_into_a_file(tmp_path: Path) -> None:
    write(tmp_path, NOVEMBER, OCTOBER, "a copy.json", text="ü\n")
    singles = {path.name: path.read_bytes() for path in single_files(tmp_path)}
    assert list(singles) == [OCTOBER, NOVEMBER, "a copy.json"]
    fold(tmp_path, singles)
    assert single_files(tmp_path) == []
    months = [path.name.split("-")[1] for path in folded_files(tmp_path)]
    assert months == ["202610", "202611", "undated"]
    for path in folded_files(tmp_path):
        # To be read by any program, for instance `zcat folded-*.jsonl.gz | jq`.
        (line,) = gzip.decompress(path.read_bytes()).decode().splitlines()
        own = json.loads(line)
        assert own["entry"] == json.loads(singles[own["name"]])
    assert names(tmp_path) == list(singles)
    assert {entry.is_folded for entry in read_entries(tmp_path)} == {True}


def test_what_is_folded_later_joins_its_month(tmp_path: Path) -> None:
    later = OCTOBER.replace("T23", "T22")
    write(tmp_path, OCTOBER)
    fold(tmp_path, [OCTOBER])
    (first,) = folded_files(tmp_path)
    write(tmp_path, later, NOVEMBER)
    assert [entry.is_folded for entry in read_entries(tmp_path)] == [False, True, False]
    fold(tmp_path, [NOVEMBER, later])
    october, november = folded_files(tmp_path)
    assert october != first
    assert [entry.name for entry in read_folded(october)] == [later, OCTOBER]
    assert [entry.name for entry in read_folded(november)] == [NOVEMBER]


def test_a_fold_that_was_interrupted_comes_to_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, OCTOBER, NOVEMBER)
    content = (tmp_path / OCTOBER).read_bytes()
    fold(tmp_path, [OCTOBER, NOVEMBER])
    folded = {path: path.read_bytes() for path in folded_files(tmp_path)}
    (tmp_path / OCTOBER).write_bytes(content)
    assert names(tmp_path) == [OCTOBER, NOVEMBER]
    monkeypatch.setattr("time.time", lambda: 5.0)
    fold(tmp_path, [OCTOBER])
    assert {path: path.read_bytes() for path in folded_files(tmp_path)} == folded
    assert single_files(tmp_path) == []
    # One of the names was folded before.
    write(tmp_path, later := NOVEMBER.replace("T00", "T01"))
    fold(tmp_path, [NOVEMBER, later])
    assert names(tmp_path) == [OCTOBER, NOVEMBER, later]


def test_a_reader_beside_a_fold_reads_every_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that it listed are gone when it reads them."""
    write(tmp_path, OCTOBER, NOVEMBER)
    fold(tmp_path, [OCTOBER])
    read, later = ledger_files.read_file, OCTOBER.replace("T23", "T22")
    left = 3

    def read_late(path: Path) -> bytes | None:
        nonlocal left
        left -= 1
        if left >= 0:
            monkeypatch.setattr(ledger_files, "read_file", read)
            write(tmp_path, later.replace("-1", f"-{left}"))
            fold(tmp_path, [path.name for path in single_files(tmp_path)])
            monkeypatch.setattr(ledger_files, "read_file", read_late)
        return read(path)

    monkeypatch.setattr(ledger_files, "read_file", read_late)
    assert names(tmp_path) == [*(later.replace("-1", f"-{n}") for n in range(3)), OCTOBER, NOVEMBER]
    monkeypatch.setattr(ledger_files, "read_file", lambda _path: None)
    with pytest.raises(
        DamagedFileError, match=f"{folded_files(tmp_path)[0]}.* disappeared while it was read"
    ):
        read_entries(tmp_path)


def test_the_first_entries_are_read_without_the_months_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    october = [OCTOBER.replace("-1", f"-{number}") for number in range(3)]
    write(tmp_path, *october, NOVEMBER)
    fold(tmp_path, [*october, NOVEMBER])
    _, november = folded_files(tmp_path)
    november.write_bytes(b"damaged")
    entries = iterate_entries(tmp_path)
    assert [next(entries).name for _ in october] == october
    with pytest.raises(DamagedFileError, match="its content is not what its checksum says"):
        next(entries)
    # The folded file of October is replaced before it is read.
    november.unlink()
    read = ledger_files.read_file

    def read_late(path: Path) -> bytes | None:
        monkeypatch.setattr(ledger_files, "read_file", read)
        write(tmp_path, OCTOBER.replace("-1", "-9"))
        fold(tmp_path, [OCTOBER.replace("-1", "-9")])
        return read(path)

    monkeypatch.setattr(ledger_files, "read_file", read_late)
    found = [entry.name for entry in iterate_entries(tmp_path)]
    assert found == [*october, OCTOBER.replace("-1", "-9")]


def test_single_entries_are_read_in_order_or_not_at_all(tmp_path: Path) -> None:
    write(tmp_path, OCTOBER, NOVEMBER)
    first = Entry(OCTOBER, (tmp_path / OCTOBER).read_bytes(), tmp_path / OCTOBER)
    assert first.stem == OCTOBER.removesuffix(".json")
    assert read_singles(tmp_path, [NOVEMBER, OCTOBER]) == [
        first,
        Entry(NOVEMBER, (tmp_path / NOVEMBER).read_bytes(), tmp_path / NOVEMBER),
    ]
    (tmp_path / NOVEMBER).unlink()
    assert read_singles(tmp_path, [NOVEMBER, OCTOBER]) is None
    assert read_singles(tmp_path, []) == []


def test_folded_files_have_the_checksum_of_their_content(tmp_path: Path) -> None:
    write(tmp_path, OCTOBER, NOVEMBER)
    fold(tmp_path, [OCTOBER, NOVEMBER])
    verify_folded(tmp_path)
    october, november = folded_files(tmp_path)
    november.write_bytes(october.read_bytes())
    with pytest.raises(DamagedFileError, match=f"{november.name}.*checksum"):
        verify_folded(tmp_path)
    with pytest.raises(DamagedFileError, match="checksum"):
        list(read_folded(november))


def test_nothing_is_removed_where_the_folded_file_is_not_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, OCTOBER)
    monkeypatch.setattr(ledger_files, "write_bytes", lambda path, content: path.write_bytes(content[:-1]))
    with pytest.raises(DamagedFileError):
        fold(tmp_path, [OCTOBER])
    assert (tmp_path / OCTOBER).exists()


def note(directory: DataDirectory, number: int, outcome: str = "done", sweeps: int = 1) -> str:
    at = FIRST + number * timedelta(hours=1)
    load_id = f"{at:%Y%m%dT%H%M%S%fZ}-0"
    write_load(directory, LoadEntry(load_id, "prod", at, "deep", at, outcome=outcome, records=1))
    write_audit(directory, "prod", load_id, AuditFindings((), (load_id,), judged_at=at, is_confirmed=True))
    write_landed_files(directory, "prod", LandedFiles(load_id, 1, (LandedFile("2026-10-01", load_id, 1),)))
    for sweep in range(sweeps):
        write_sweep(directory, "prod", SweepEntry(load_id, sweep, "live", at, at, 1, 1, at))
    return load_id


def test_ledgers_are_folded_only_where_there_are_many(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    most = MOST["loads"]
    for number in range(most):
        note(directory, number, sweeps=2 if number < 16 else 3)
    assert fold_ledgers(directory, "prod") == {}
    assert foldable_ledgers(directory, "prod") == {}
    one_more = note(directory, most, sweeps=8)
    due = foldable_ledgers(directory, "prod")
    # The newest of the loads and audits stay; sweeps do as long as they are at most 64.
    assert {kind: len(found) for kind, found in due.items()} == {
        "loads": most + 1 - KEPT,
        "audits": most + 1 - KEPT,
        "landed": most + 1,
    }
    assert fold_ledgers(directory, "prod") == {kind: len(found) for kind, found in due.items()}
    assert len(single_files(directory.raw_ledger("loads", "prod"))) == KEPT
    write_sweep(directory, "prod", SweepEntry(one_more, 9, "live", None, None, 1, 1, FIRST))
    # All but those of the last load, which a plan may ask about.
    assert fold_ledgers(directory, "prod") == {"sweeps": 16 * 2 + 8 * 3}
    assert len(read_sweeps(directory, "prod", frozenset([one_more]))) == 9
    assert foldable_ledgers(directory, "prod", at_once=True) == {}


def test_sweeps_of_loads_that_are_not_finished_are_not_folded(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    ids = [note(directory, n, outcome) for n, outcome in enumerate(["done"] * 3 + ["failed", "interrupted"])]
    assert fold_ledgers(directory, "prod", at_once=True) == {"sweeps": 2, "landed": 5}
    assert [sweep.load_id for sweep in read_sweeps(directory, "prod", frozenset(ids))] == ids[2:]


def test_a_fold_adds_to_what_earlier_ones_amount_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads none of the files folded before: there may be years of them."""
    directory = DataDirectory(tmp_path)
    for number in range(KEPT + 2):
        note(directory, number)
    fold_ledgers(directory, "prod", at_once=True)
    path = directory.ledger_state("prod")
    assert read_ledger_state(path) == whole_state(directory)
    ids = [note(directory, number) for number in range(KEPT + 2, KEPT + 5)]

    def refuse(*_: object) -> list[Entry]:
        raise AssertionError("read all folded entries")

    with monkeypatch.context() as patched:
        patched.setattr(folding, "_all_folded", refuse)
        assert fold_ledgers(directory, "prod", at_once=True)["loads"] == 3
        content = path.read_bytes()
        assert fold_ledgers(directory, "prod", at_once=True) == {}
        assert path.read_bytes() == content
    state = read_ledger_state(path)
    assert state == whole_state(directory)
    assert state is not None
    path.unlink()
    fold_ledgers(directory, "prod", at_once=True)
    assert path.read_bytes() == content
    # One killed before it removed the single files: the last of them is the state's last.
    for kind in ("loads", "audits"):
        folder = directory.raw_ledger(kind, "prod")
        name = max(entry.name for path in folded_files(folder) for entry in read_folded(path))
        write_checked_json(folder / name, json.loads(by_name(folder)[name]))
    assert fold_ledgers(directory, "prod", at_once=True) == {"loads": 1, "audits": 1}
    assert path.read_bytes() == content
    # Only one kind has ledgers to fold.
    (directory.raw_ledger("audits", "prod") / f"{note(directory, KEPT + 5)}.json").unlink()
    assert fold_ledgers(directory, "prod", at_once=True)["loads"] == 1
    assert read_ledger_state(path) == whole_state(directory)
    # A load with an earlier id, restored from a backup, is not one more: all are read.
    write_load(directory, replace(read_loads(directory, "prod")[0], load_id=f"2025{ids[0][4:]}"))
    assert fold_ledgers(directory, "prod", at_once=True) == {"loads": 1}
    assert read_ledger_state(path) == whole_state(directory)
    check_ledgers(directory, "prod")


def by_name(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.content for entry in read_entries(folder)}


def whole_state(directory: DataDirectory) -> LedgerState | None:
    """The state with its loads summed up again from all that are folded."""
    state = read_ledger_state(directory.ledger_state("prod"))
    assert state is not None
    folded = {kind: folded_files(directory.raw_ledger(kind, "prod")) for kind in ("loads", "audits")}
    entries = {
        kind: [entry for path in paths for entry in read_folded(path)] for kind, paths in folded.items()
    }
    until = {kind: max(entry.name for entry in own) for kind, own in entries.items()}
    loads = [load for load in read_loads(directory, "prod") if f"{load.load_id}.json" <= until["loads"]]
    assert Counter(state.audits.vanished) == Counter(entry.stem for entry in entries["audits"])
    assert state.audits.latest_at is not None
    return replace(
        state,
        folded_loads=tuple(path.name for path in folded["loads"]),
        folded_audits=tuple(path.name for path in folded["audits"]),
        loads_until=until["loads"],
        audits_until=until["audits"],
        loads=sum_loads(sorted(loads, key=lambda load: load.load_id)),
    )
