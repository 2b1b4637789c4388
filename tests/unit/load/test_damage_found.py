"""Damaged and missing raw files: which days are read again, what is said, and what keeps its verdict."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.extract.plan import Plan, Purpose
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.load.repair import Damage, find_and_set_aside, refuse_damaged, refuse_missing
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import AuditEntry, AuditFindings, read_audits, write_audit
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from support.landed_records import SOURCE, land, make, printed

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = ("2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19")


def day(number: int) -> date:
    return date(2026, 11, number)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    records = [printed({"id": name, "created_at": f"{name}T01:00:00"}) for name in DAYS]
    directory = land(
        tmp_path_factory.mktemp("sound"),
        "L1",
        [(record, NOW) for record in [*records, printed({"id": "undated"})]],
    )
    make(directory)
    found = (
        AuditEntry(day(17), 1, 2, "complete", NOW, None, asks=3, asked_at=NOW),
        AuditEntry(day(18), 5, 0, "incomplete", NOW, "source_has_more", asks=3, asked_at=NOW),
    )
    write_audit(directory, SOURCE, "L1", AuditFindings(found, ("v",), ("h",), NOW, is_confirmed=True))
    return directory


@pytest.fixture
def directory(sound: DataDirectory, tmp_path: Path) -> DataDirectory:
    return DataDirectory(shutil.copytree(sound.root, tmp_path / "data"))


def file_of(directory: DataDirectory, name: str) -> Path:
    return raw_files(directory.raw_day("records", SOURCE, name))[0]


def plan(since: int, until: int | None = None, purpose: Purpose = Purpose.INCREMENTAL) -> Plan:
    start = datetime(2026, 11, since, tzinfo=UTC)
    end = None if until is None else datetime(2026, 11, until, tzinfo=UTC)
    return Plan(purpose, start, end, (), (), follow_open=False, settled_before=start, read=(), starts_at=NOW)


def found(directory: DataDirectory, wanted: Plan) -> Damage:
    return find_and_set_aside(directory, SOURCE, "L2", wanted, SourceClock(lambda: NOW, SOURCE))


def test_nothing_is_noted_of_sound_files(directory: DataDirectory) -> None:
    before = read_audits(directory, SOURCE)
    assert found(directory, plan(16, purpose=Purpose.DEEP)) == Damage()
    assert read_audits(directory, SOURCE) == before


def test_days_within_the_plan_are_set_aside_and_lose_their_verdict(directory: DataDirectory) -> None:
    for name in (*DAYS, UNKNOWN_DAY):
        file_of(directory, name).write_bytes(b"")
    kept = file_of(directory, DAYS[0]), file_of(directory, DAYS[3])
    assert found(directory, plan(17, 19)).set_aside == (DAYS[1], DAYS[2], UNKNOWN_DAY)
    assert all(path.exists() for path in kept)
    audits = read_audits(directory, SOURCE)
    # What was known of a complete day stays, but for its state; an incomplete one is asked for again.
    assert audits[day(17)] == AuditEntry(day(17), 1, 2, "unverified", NOW, "damaged_raw")
    assert audits[day(18)] == AuditEntry(day(18), 5, 0, "incomplete", NOW, "source_has_more")
    assert set(audits) == {day(17), day(18)}


def test_a_deep_load_finds_damage_of_all_days_and_leaves_what_it_cannot_read_again(
    directory: DataDirectory,
) -> None:
    for name in (DAYS[0], DAYS[3]):
        file_of(directory, name).write_bytes(b"")
    damage = found(directory, plan(18, purpose=Purpose.DEEP))
    assert damage.set_aside == (DAYS[3],)
    assert [one.path for one in damage.beyond_reach] == [file_of(directory, DAYS[0])]
    assert read_audits(directory, SOURCE)[day(19)] == AuditEntry(
        day(19), None, 0, "unverified", None, "damaged_raw"
    )


def test_a_file_that_is_gone_is_noted_once(directory: DataDirectory) -> None:
    file_of(directory, DAYS[1]).unlink()
    assert found(directory, plan(16)).set_aside == (DAYS[1],)
    assert read_audits(directory, SOURCE)[day(17)].reason == "damaged_raw"
    assert found(directory, plan(16)).set_aside == ()


@pytest.mark.fault("clock faults")
def test_verdicts_of_a_clock_that_was_ahead_are_not_taken_over(directory: DataDirectory) -> None:
    later = datetime(2026, 12, 1, tzinfo=UTC)
    ahead = AuditEntry(day(17), 99, 0, "incomplete", later, "source_has_more")
    write_audit(directory, SOURCE, "L1-later", AuditFindings((ahead,), judged_at=later))
    file_of(directory, DAYS[1]).write_bytes(b"")
    clock = SourceClock(lambda: NOW, SOURCE, is_confirmed=True)
    find_and_set_aside(directory, SOURCE, "L2", plan(16), clock)
    found = read_audits(directory, SOURCE, NOW)
    assert found[day(17)] == AuditEntry(day(17), 1, 2, "unverified", NOW, "damaged_raw")


def test_commands_without_a_source_name_the_first_damaged_file_and_how_many_more(
    directory: DataDirectory,
) -> None:
    refuse_damaged(directory, [SOURCE])
    refuse_missing(directory, [SOURCE])
    damaged = [file_of(directory, name) for name in DAYS[:3]]
    for number, more in enumerate(("", r" \(and 1 more\)", r" \(and 2 more\)")):
        damaged[number].write_bytes(b"")
        sentence = rf"^{damaged[0]}{more}: is damaged.* Nothing was changed\. Restore it from a backup"
        with pytest.raises(StorageError, match=sentence):
            refuse_damaged(directory, [SOURCE])


def test_missing_records_are_counted_by_day(directory: DataDirectory) -> None:
    for name in DAYS[:2]:
        file_of(directory, name).unlink()
    sentence = f"2 records of {DAYS[0]}, {DAYS[1]} are missing"
    with pytest.raises(StorageError, match=sentence):
        refuse_missing(directory, [SOURCE])
