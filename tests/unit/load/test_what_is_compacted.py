"""Which days a load and a maintenance run compact, and what a maintenance run says that it did."""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.errors import DamagedFileError, LoadRunningError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_source
from cbr_warehouse.load.maintain import SETTLE, Maintained, maintain, tidy_source
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from support.landed_records import CONTRACT, SOURCE, land, make, printed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = "2026-11-20"
OPEN = "2026-11-18"
"""Not over for 48 hours."""
CLOSED = "2026-11-17"
LAST_REREAD = (NOW - RETENTION - timedelta(days=3)).date()


def days_before(day: date, number: int) -> str:
    return (day - timedelta(days=number)).isoformat()


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def connect(_source: Any) -> Any:
    raise AssertionError


def context_of(directory: DataDirectory) -> LoadContext:
    return LoadContext(directory, CONTRACT, lambda: NOW, uuid4, connect)


def landed(folder: Path, files: dict[str, int]) -> LoadContext:
    """A data directory with so many record files of each day."""
    directory = DataDirectory(folder)
    for number in range(max(files.values())):
        texts = [
            printed(
                {"id": f"{day}-{number}", "created_at": "soon" if day == UNKNOWN_DAY else f"{day}T01:00:00"}
            )
            for day, most in files.items()
            if number < most
        ]
        land(folder, f"L{number:02}", [(text, NOW) for text in texts])
        write_load(directory, LoadEntry(f"L{number:02}", SOURCE, NOW, "deep", NOW, outcome="done"))
    make(directory)
    return context_of(directory)


def files_of(context: LoadContext, day: str) -> int:
    return len(raw_files(context.directory.raw_day("records", SOURCE, day)))


@pytest.mark.parametrize(
    ("day", "left"),
    [
        (TODAY, 16),
        (UNKNOWN_DAY, 16),
        (OPEN, 16),
        (CLOSED, 4),
        (LAST_REREAD.isoformat(), 4),
        (days_before(LAST_REREAD, 1), 1),
        (days_before(LAST_REREAD, 7), 1),
    ],
)
def test_a_load_leaves_some_small_files_by_the_age_of_their_day(tmp_path: Path, day: str, left: int) -> None:
    context = landed(tmp_path, {day: left})
    tidy_source(context, SOURCE, NOW, SETTLE)
    assert files_of(context, day) == left
    land(tmp_path, "L99", [(printed({"id": "new", "created_at": f"{day}T02:00:00"}), NOW)])
    make(context.directory)
    tidy_source(context, SOURCE, NOW, SETTLE)
    assert files_of(context, day) == 1


def test_a_load_leaves_days_long_past_and_those_that_may_still_change_by_the_settings(tmp_path: Path) -> None:
    past = days_before(LAST_REREAD, 8)
    context = landed(tmp_path, {CLOSED: 6, past: 3})
    tidy_source(context, SOURCE, NOW, timedelta(days=4))
    assert (files_of(context, CLOSED), files_of(context, past)) == (6, 3)
    # No setting makes a day count as closed before it is over for 48 hours.
    tidy_source(context, SOURCE, NOW, timedelta(hours=1))
    assert (files_of(context, CLOSED), files_of(context, past)) == (1, 3)


def test_a_load_compacts_the_two_days_with_the_most_files(tmp_path: Path) -> None:
    days = [days_before(NOW.date(), number) for number in (4, 5, 6, 7)]
    context = landed(tmp_path, dict(zip(days, (6, 8, 5, 7), strict=True)))
    tidy_source(context, SOURCE, NOW, SETTLE)
    assert [files_of(context, day) for day in days] == [6, 1, 5, 1]


def test_what_prevents_it_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    context = landed(tmp_path, {CLOSED: 1})
    ledger = context.directory.raw_ledger("loads", SOURCE)
    for number in range(40):
        (ledger / f"L{number:02}.json").write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        tidy_source(context, SOURCE, NOW, SETTLE)
    (message,) = caplog.messages
    assert message.startswith("prod: its older files were not compacted (")


def test_a_maintenance_run_foresees_and_says_what_it_does(tmp_path: Path) -> None:
    context = landed(tmp_path, {TODAY: 3, OPEN: 2, CLOSED: 2, "2026-01-01": 3, UNKNOWN_DAY: 2})
    for number in range(10):
        write_load(context.directory, LoadEntry(f"M{number}", SOURCE, NOW, "deep", NOW, outcome="done"))
    left = context.directory.raw_day("records", SOURCE, CLOSED) / f"{TEMPORARY_PREFIX}half.parquet"
    left.write_bytes(b"half of it")
    # Of 13 loads the last 8 stay in files of their own; three notes of landed files are folded, too.
    expected = Maintained(SOURCE, ledgers=8, files=7, days=3, leftovers=1)
    assert list(maintain(context, {}, is_dry_run=True)) == [expected]
    assert left.exists()
    assert files_of(context, CLOSED) == 2
    assert list(maintain(context, {})) == [expected]
    assert not left.exists()
    found = [files_of(context, day) for day in (TODAY, OPEN, CLOSED, "2026-01-01", UNKNOWN_DAY)]
    assert found == [3, 2, 1, 1, 1]
    assert list(maintain(context, {})) == [Maintained(SOURCE)]


def settings(name: str, settle: str | None = None) -> SourceSettings:
    values = {"name": name, "endpoint": "http://x", "project_id": "p", "token": "env:X", "settle": settle}
    return SourceSettings.model_validate(values)


def test_a_damaged_source_does_not_keep_the_one_before_it_from_being_maintained(tmp_path: Path) -> None:
    """Where ``settle`` is not set, it is read from the audits."""
    context = landed(tmp_path, {CLOSED: 2})
    write_load(context.directory, LoadEntry("L00", "second", NOW, "deep", NOW, outcome="done"))
    audit = context.directory.raw_ledger("audits", "second") / "20261118T000000000000Z-aaaaaaaa.json"
    audit.parent.mkdir(parents=True)
    audit.write_bytes(b"{}")
    done = maintain(context, {name: settings(name) for name in (SOURCE, "second")})
    assert next(done).files == 2
    with pytest.raises(DamagedFileError, match="aaaaaaaa"):
        next(done)


def test_a_source_that_settles_late_has_its_days_closed_late(tmp_path: Path) -> None:
    context = landed(tmp_path, {CLOSED: 2, "2026-11-15": 2})
    (done,) = maintain(context, {SOURCE: settings(SOURCE, "4d"), "other": settings("other", "9d")})
    assert (done.files, files_of(context, CLOSED)) == (2, 2)


def test_a_source_that_is_being_loaded_is_not_maintained(tmp_path: Path) -> None:
    context = landed(tmp_path, {CLOSED: 2})
    with hold_source(context, SOURCE, "load of prod", wait=False):
        assert [one.files for one in maintain(context, {}, is_dry_run=True)] == [2]
        with pytest.raises(LoadRunningError, match="load of prod"):
            list(maintain(context, {}))
    with hold_source(context, SOURCE, "a test", wait=False):
        assert files_of(context, CLOSED) == 2
