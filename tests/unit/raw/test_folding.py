"""Folding ledgers: killed at any file it loses and doubles nothing, and damage of a folded file is named."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw import ledger_files
from cbr_warehouse.raw.fold_ledgers import MOST, fold_ledgers
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    AuditFindings,
    LandedFile,
    LandedFiles,
    LoadEntry,
    SweepEntry,
    check_ledgers,
    read_audits,
    read_landed_files,
    read_loads,
    read_loads_summary,
    read_sweeps,
    verify_folded_ledgers,
    write_audit,
    write_landed_files,
    write_load,
    write_sweep,
)
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from support.flipped_bit import flip_bit

FIRST = datetime(2026, 10, 31, 20, tzinfo=UTC)


class Killed(BaseException):
    """As a signal would end it: nothing handles this."""


def written(folder: Path, loads: int) -> DataDirectory:
    directory = DataDirectory(folder)
    for number in range(loads):
        at = FIRST + timedelta(hours=number)
        load_id = f"{at:%Y%m%dT%H%M%S%fZ}-0000"
        write_load(directory, LoadEntry(load_id, "prod", at, "deep", at, outcome="done", finished_at=at))
        write_sweep(directory, "prod", SweepEntry(load_id, 1, "live", at, at, 1, 1, at))
        landed = (LandedFile(f"{at:%Y-%m-%d}", f"{load_id}-00001-abc.parquet", number),)
        write_landed_files(directory, "prod", LandedFiles(load_id, 1, landed))
        days = (AuditEntry(date(2026, 10, 1 + number % 28), number, 0, "complete", at),)
        write_audit(
            directory, "prod", load_id, AuditFindings(days, (f"t{number}",), (), at, is_confirmed=True)
        )
    return directory


def answers(directory: DataDirectory) -> list[Any]:
    loads = read_loads(directory, "prod")
    return [
        loads,
        read_loads_summary(directory, "prod"),
        read_audits(directory, "prod"),
        read_landed_files(directory, "prod"),
        read_sweeps(directory, "prod", frozenset([loads[-1].load_id])),
    ]


def files(directory: DataDirectory) -> list[Path]:
    return [path for path in directory.root.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


@pytest.mark.parametrize("where", ["write_bytes", "remove_file"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_file_it_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, *, after: bool
) -> None:
    plain: Callable[..., None] = getattr(ledger_files, where)
    expected = answers(written(tmp_path / "plain", 30))
    number = 0
    while True:
        directory = written(tmp_path / str(number), 30)
        left = [number]

        def die(*values: Any, left: list[int] = left) -> None:
            if left[0] == 0 and not after:
                raise Killed
            plain(*values)
            if left[0] == 0:
                raise Killed
            left[0] -= 1

        with monkeypatch.context() as patched:
            patched.setattr(ledger_files, where, die)
            try:
                fold_ledgers(directory, "prod", at_once=True)
                break
            except Killed:
                pass
        assert answers(directory) == expected
        for _ in range(2):
            fold_ledgers(directory, "prod", at_once=True)
            assert answers(directory) == expected
        assert len(files(directory)) == len(files_after_folding(tmp_path / f"whole{number}"))
        number += 5 if where == "remove_file" else 1
    assert number > 4


def files_after_folding(folder: Path) -> list[Path]:
    directory = written(folder, 30)
    fold_ledgers(directory, "prod", at_once=True)
    return files(directory)


def test_a_year_of_loads_leaves_few_ledgers(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    for month in range(12):
        for number in range(30):
            at = datetime(2026, 1 + month, 1 + number % 28, number // 28, tzinfo=UTC)
            load_id = f"{at:%Y%m%dT%H%M%S%fZ}-0000"
            write_load(directory, LoadEntry(load_id, "prod", at, "deep", outcome="done"))
            for sweep in range(7):
                write_sweep(directory, "prod", SweepEntry(load_id, sweep, "live", at, at, 1, 1, at))
            fold_ledgers(directory, "prod")
    assert len(read_loads(directory, "prod")) == 360
    assert len(files(directory)) <= 12 * 2 + sum(MOST.values()) + 1


@pytest.mark.parametrize("kind", ["loads", "audits"])
def test_a_damaged_folded_file_is_named_and_a_fold_carries_no_damage_on(tmp_path: Path, kind: str) -> None:
    directory = written(tmp_path, 30)
    fold_ledgers(directory, "prod", at_once=True)
    path = max(directory.raw_ledger(kind, "prod").glob("folded-*"))
    flip_bit(path)
    for check in (check_ledgers, verify_folded_ledgers):
        with pytest.raises(DamagedFileError, match="checksum"):
            check(directory, "prod")
    single = min(directory.raw_ledger(kind, "prod").glob("*.json"))
    single.write_bytes(single.read_bytes().replace(b"0", b"1", 1))
    fresh = written(tmp_path / "fresh", 30)
    (fresh.raw_ledger(kind, "prod") / "20260101T000000000000Z-0.json").write_bytes(single.read_bytes())
    before = set(fresh.raw_ledger(kind, "prod").iterdir())
    with pytest.raises(DamagedFileError):
        fold_ledgers(fresh, "prod", at_once=True)
    assert before <= set(fresh.raw_ledger(kind, "prod").iterdir())
