"""Ledgers: what a load noted is what the next one reads, or a sentence that names the file."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    AuditFindings,
    LoadEntry,
    SweepEntry,
    check_ledgers,
    read_audits,
    read_hidden_providers,
    read_loads,
    read_sweeps,
    read_vanished,
    write_audit,
    write_load,
    write_sweep,
)
from cbr_warehouse.storage.checked_json import write_checked_json
from cbr_warehouse.storage.layout import DataDirectory

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)
LOAD = LoadEntry("L1", "prod", NOW, "deep", since=NOW, requests=3)
SWEEP = SweepEntry("L1", 2, "window", NOW, None, 3, 4, NOW)
AUDIT = AuditEntry(date(2026, 11, 20), 12, 0, "complete", NOW)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path)
    write_load(directory, LOAD)
    write_sweep(directory, "prod", SWEEP)
    write_audit(directory, "prod", "L1", AuditFindings((AUDIT,), ("a",), ("p",)))
    return directory


def ledger(directory: DataDirectory, kind: str) -> Path:
    (path,) = directory.raw_ledger(kind, "prod").glob("*.json")
    return path


def test_what_was_noted_is_read(directory: DataDirectory) -> None:
    assert read_loads(directory, "prod") == [LOAD]
    assert read_sweeps(directory, "prod", frozenset({"L1"})) == [SWEEP]
    assert read_audits(directory, "prod") == {AUDIT.day: AUDIT}
    assert read_vanished(directory, "prod") == {"a"}
    assert read_hidden_providers(directory, "prod") == ("p",)


@pytest.mark.parametrize(
    ("kind", "read"), [("loads", read_loads), ("audits", read_audits), ("audits", read_vanished)]
)
def test_a_flipped_bit_is_never_a_verdict(
    directory: DataDirectory, kind: str, read: Callable[[DataDirectory, str], object]
) -> None:
    """A flipped bit in a count or a state passed: `complete` for a day that nobody had proved."""
    path, right = ledger(directory, kind), read(directory, "prod")
    content = path.read_bytes()
    for bit in range(0, len(content) * 8, 3):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with suppress(DamagedFileError):
            assert read(directory, "prod") == right


@pytest.mark.parametrize("kind", ["loads", "audits"])
def test_ledgers_from_before_there_were_checksums_are_read(directory: DataDirectory, kind: str) -> None:
    path = ledger(directory, kind)
    value = json.loads(path.read_text())
    del value["checksum"]
    path.write_text(json.dumps(value))
    check_ledgers(directory, "prod")
    assert read_loads(directory, "prod") == [LOAD]
    assert read_audits(directory, "prod") == {AUDIT.day: AUDIT}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"load_id": 3}', '{"days": [{"day": "x"}]}', "\udcff"])
@pytest.mark.parametrize("kind", ["loads", "audits"])
def test_what_is_no_ledger_is_a_sentence(directory: DataDirectory, kind: str, content: str) -> None:
    path = ledger(directory, kind)
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DamagedFileError, match="Restore it from a backup"):
        check_ledgers(directory, "prod")


def test_a_damaged_sweep_only_means_that_its_window_is_requested_again(
    directory: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    path = ledger(directory, "sweeps")
    path.write_bytes(path.read_bytes()[:-9])
    assert read_sweeps(directory, "prod", frozenset({"L1"})) == []
    assert str(path) in caplog.text


def test_a_value_of_another_type_is_a_sentence_that_names_the_file(directory: DataDirectory) -> None:
    write_checked_json(ledger(directory, "loads"), {"load_id": 3, "source": "prod"})
    with pytest.raises(DamagedFileError, match=f"{ledger(directory, 'loads')}.*it cannot be understood"):
        read_loads(directory, "prod")
