"""What raw says of its own files: what they hold, what they lost, and what was set aside."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.damage import (
    DamagedFile,
    days_with_files_set_aside,
    find_damaged,
    is_deep_load_required,
    newly_gone,
    note_deep_load,
    note_gone,
    require_deep_load,
    set_aside,
)
from cbr_warehouse.raw.files import ReceivedPage, count_rows, is_intact, read_columns, text_bytes
from cbr_warehouse.raw.landing import Landing, raw_files
from cbr_warehouse.raw.ledgers import read_landed_files
from cbr_warehouse.raw.stored_records import count_missing, count_records, undated_records
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from support.landed_records import SOURCE, land, printed

NOW = datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)
DAY, OTHER = "2026-11-19", "2026-11-18"


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def record(task_id: str, day: str = DAY) -> bytes:
    return printed({"id": task_id, "created_at": f"{day}T01:00:00"})


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """Three records of a day in two files, one of another day; the second load saw the first record."""
    land(tmp_path, "L1", [(record("a"), NOW), (record("b"), NOW), (record("x", OTHER), NOW)])
    return land(tmp_path, "L2", [(record("a"), NOW), (record("c"), NOW)])


def files(directory: DataDirectory, day: str = DAY, kind: str = "records") -> list[Path]:
    return raw_files(directory.raw_day(kind, SOURCE, day))


def test_records_are_counted_by_day(directory: DataDirectory) -> None:
    assert count_records(directory, SOURCE, date.fromisoformat(DAY)) == 3
    assert count_records(directory, SOURCE, date.fromisoformat(OTHER)) == 1
    assert count_records(directory, SOURCE, date(2026, 1, 1)) == 0
    assert [count_rows(path) for path in files(directory)] == [2, 1]
    first = files(directory)[0]
    assert text_bytes(first) >= len(record("a") + record("b"))
    assert read_columns(first, ["task_id", "load_id"]).to_pydict() == {
        "task_id": ["a", "b"],
        "load_id": ["L1", "L1"],
    }


def test_undated_records_come_back_as_they_were_received(tmp_path: Path) -> None:
    """They are validated again, so each byte and the time of each count."""
    texts = (b"\xff\xfe no text", b'{"id":"a","created_at":"\\u0000 \x00"}', b'"a text"')
    contract = read_contract()
    landing = Landing(
        DataDirectory(tmp_path),
        SOURCE,
        "L1",
        validator=RecordValidator(contract),
        contract=contract.fingerprint,
    )
    landing.land(ReceivedPage((record("a"), *texts), 7, 3, NOW, 10))
    landing.flush()
    found = list(undated_records(DataDirectory(tmp_path), SOURCE))
    assert found == [ReceivedPage((text,), 7, 3, NOW, 11 + place) for place, text in enumerate(texts)]


def test_a_record_filed_under_another_day_since_is_not_missed(directory: DataDirectory) -> None:
    """A contract that can read more dates files what it could not date before under its day, too."""
    first, second = files(directory)
    shutil.rmtree(directory.raw_ledger("landed", SOURCE))
    (sighting,) = files(directory, kind="manifests")
    unknown = directory.raw_day("manifests", SOURCE, UNKNOWN_DAY)
    unknown.mkdir(parents=True)
    shutil.move(sighting, unknown)
    assert count_missing(directory, SOURCE) == {}
    first.unlink()
    second.unlink()
    assert count_missing(directory, SOURCE) == {UNKNOWN_DAY: 1}


def test_files_that_are_gone_are_counted_by_the_records_that_they_had(directory: DataDirectory) -> None:
    assert count_missing(directory, SOURCE) == {}
    first, second = files(directory)
    second.unlink()
    assert count_missing(directory, SOURCE) == {DAY: 1}
    first.unlink()
    files(directory, OTHER)[0].unlink()
    assert count_missing(directory, SOURCE) == {DAY: 3, OTHER: 1}
    # The load that sets files aside reports their loss itself.
    note_gone(directory, SOURCE, {DAY: [first.name]})
    assert count_missing(directory, SOURCE) == {OTHER: 1}


def test_damaged_files_of_the_given_days_are_found_and_set_aside(directory: DataDirectory) -> None:
    sighting, first, other = (
        files(directory, kind="manifests")[0],
        files(directory)[0],
        files(directory, OTHER)[0],
    )
    for path in (sighting, first, other):
        path.write_bytes(path.read_bytes()[:-1])
        assert not is_intact(path)
    found = find_damaged(directory, SOURCE, [DAY, "2026-01-01"])
    assert found == (DamagedFile("records", DAY, first), DamagedFile("manifests", DAY, sighting))
    assert find_damaged(directory, SOURCE, [OTHER, DAY])[0] == DamagedFile("records", OTHER, other)
    content = first.read_bytes()
    assert days_with_files_set_aside(directory, SOURCE) == set()
    set_aside(directory, SOURCE, found)
    aside = directory.raw_day("damaged", SOURCE, DAY)
    assert (aside / f"records-{first.name}").read_bytes() == content
    assert {path.name for path in aside.iterdir()} == {f"records-{first.name}", f"manifests-{sighting.name}"}
    assert find_damaged(directory, SOURCE, [DAY]) == ()
    assert days_with_files_set_aside(directory, SOURCE) == {DAY}
    # What was set aside is not gone.
    assert newly_gone(directory, SOURCE, {DAY: [first.name, "z"]}) == [(DAY, "z")]


def test_files_that_are_gone_are_noted_once(directory: DataDirectory) -> None:
    gone = {DAY: ["a", "b"], OTHER: ["c"]}
    assert newly_gone(directory, SOURCE, gone) == [(DAY, "a"), (DAY, "b"), (OTHER, "c")]
    assert note_gone(directory, SOURCE, {DAY: ["a"]}) == {DAY}
    assert newly_gone(directory, SOURCE, gone) == [(DAY, "b"), (OTHER, "c")]
    assert note_gone(directory, SOURCE, gone) == {DAY, OTHER}
    assert note_gone(directory, SOURCE, gone) == set()
    assert days_with_files_set_aside(directory, SOURCE) == {DAY, OTHER}


def test_a_deep_load_is_required_until_one_was_finished(directory: DataDirectory) -> None:
    assert not is_deep_load_required(directory, SOURCE)
    require_deep_load(directory, SOURCE)
    assert is_deep_load_required(directory, SOURCE)
    assert not is_deep_load_required(directory, "other")
    # Its note lies beside the days with files set aside, where it always did, and is none of them.
    assert (directory.raw_ledger("damaged", SOURCE) / "deep-load-required.json").exists()
    assert days_with_files_set_aside(directory, SOURCE) == set()
    note_deep_load(directory, SOURCE)
    assert not is_deep_load_required(directory, SOURCE)


def test_a_damaged_note_of_files_hides_no_other_note(
    directory: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    noted = read_landed_files(directory, SOURCE)
    assert [set(noted), len(noted[DAY]), sum(noted[DAY].values())] == [{DAY, OTHER}, 2, 3]
    first, _ = sorted(directory.raw_ledger("landed", SOURCE).glob("*.json"))
    first.write_bytes(first.read_bytes()[:-9])
    left = read_landed_files(directory, SOURCE)
    assert left == {DAY: {files(directory)[1].name: 1}}
    assert f"{first}: is damaged and passed over" in caplog.text
    assert count_missing(directory, SOURCE) == {}


def test_each_record_has_the_time_of_its_page_to_the_microsecond(tmp_path: Path) -> None:
    later = NOW + timedelta(seconds=1)
    directory = land(tmp_path, "L1", [(record("a"), NOW), (record("b"), later)])
    (path,) = files(directory)
    assert read_columns(path, ["fetched_at"])[0].to_pylist() == [NOW, later]
