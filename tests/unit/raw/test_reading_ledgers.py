"""What is read of ledgers of every age: those after one, and those that lack what was added since."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cbr_warehouse.raw.ledger_files import fold
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    AuditFindings,
    LoadEntry,
    read_audits,
    read_loads,
    write_audit,
    write_load,
)
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)
LOAD = LoadEntry("L1", "prod", NOW, "deep", since=NOW, requests=3)
AUDIT = AuditEntry(date(2026, 11, 20), 12, 0, "complete", NOW)


def test_loads_after_one_are_the_later_ones_wherever_it_is(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    loads = [replace(LOAD, load_id=f"2026112{n}T000000000000Z-1") for n in range(4)]
    for load in loads:
        write_load(directory, load)
    fold(directory.raw_ledger("loads", "prod"), [f"{load.load_id}.json" for load in loads[:2]])
    for place, load in enumerate(loads):
        assert read_loads(directory, "prod", after=load.load_id) == loads[place + 1 :]
    assert read_loads(directory, "prod", after="") == read_loads(directory, "prod") == loads
    assert read_loads(directory, "prod", after="20261122T1") == loads[3:]
    assert read_loads(directory, "none") == []


@pytest.mark.parametrize(
    ("state", "counted", "reason"), [("unverified", None, "no_count"), ("complete", 12, None)]
)
def test_ledgers_from_before_there_were_reasons_get_them(
    tmp_path: Path, state: str, counted: int | None, reason: str | None
) -> None:
    directory = DataDirectory(tmp_path)
    entry = replace(AUDIT, state=state, counted=counted)
    write_audit(directory, "prod", "L1", AuditFindings((entry,)))
    assert read_audits(directory, "prod")[AUDIT.day] == replace(entry, reason=reason)


def test_an_audit_without_a_time_is_of_the_time_of_its_load(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    late = replace(AUDIT, counted=99)
    write_audit(directory, "prod", "20261201T000000000000Z-1", AuditFindings((late,)))
    assert read_audits(directory, "prod", NOW) == {}
    assert read_audits(directory, "prod", datetime(2026, 12, 1, tzinfo=UTC)) == {AUDIT.day: late}
    # Where that is unknown too, it counts.
    write_audit(directory, "prod", "L1", AuditFindings((AUDIT,)))
    assert read_audits(directory, "prod", NOW) == {AUDIT.day: AUDIT}


def test_a_load_that_received_nothing_and_failed_has_no_time_to_rely_on() -> None:
    assert LOAD.is_timed
    assert replace(LOAD, outcome="failed", records=1).is_timed
    assert replace(LOAD, outcome="done", records=0).is_timed
    assert not replace(LOAD, outcome="failed", records=0).is_timed
    assert not replace(LOAD, outcome="failed").is_timed
