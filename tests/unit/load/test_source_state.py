"""What the planner is told of a source: by its ledgers, without those of a clock that was ahead."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.extract.plan import SourceState
from cbr_warehouse.load.source_state import read_source_state
from cbr_warehouse.raw.ledgers import (
    AuditEntry,
    AuditFindings,
    LoadEntry,
    SweepEntry,
    write_audit,
    write_load,
    write_sweep,
)
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def audit(state: str, judged_at: datetime) -> AuditFindings:
    return AuditFindings(
        (AuditEntry(date(2026, 11, 18), 1, 0, state, judged_at),),
        judged_at=judged_at,
        is_confirmed=False,
        edited_at=NOW - 9 * HOUR,
    )


def sweep(load_id: str, number: int, end: datetime | None) -> SweepEntry:
    return SweepEntry(load_id, number, "window", NOW - 2 * DAY, end, 1, 1, NOW - number * HOUR)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path)
    loads = [
        LoadEntry(
            "L1", "prod", NOW - 3 * DAY, "deep", NOW - 9 * DAY, finished_at=NOW - 3 * DAY, outcome="done"
        ),
        LoadEntry(
            "L2", "prod", NOW - 2 * DAY, "range", NOW - 20 * DAY, finished_at=NOW - DAY, outcome="done"
        ),
        LoadEntry("L3", "prod", NOW - DAY, "incremental", NOW - 2 * DAY, records=1, outcome="failed"),
        LoadEntry("L4", "prod", NOW + 5 * DAY, "deep", NOW, finished_at=NOW + 5 * DAY, outcome="done"),
    ]
    for load in loads:
        write_load(directory, load)
    write_audit(directory, "prod", "L1", audit("complete", NOW - 3 * DAY))
    write_audit(directory, "prod", "L4", audit("lost", NOW + 5 * DAY))
    for one in (sweep("L1", 1, NOW), sweep("L3", 2, NOW - DAY), sweep("L3", 3, None)):
        write_sweep(directory, "prod", one)
    return directory


def test_what_a_clock_that_was_ahead_wrote_is_ignored(directory: DataDirectory) -> None:
    verdict = AuditEntry(date(2026, 11, 18), 1, 0, "complete", NOW - 3 * DAY)
    assert read_source_state(directory, "prod", NOW) == SourceState(
        states={date(2026, 11, 18): DayState.COMPLETE},
        first_load_at=NOW - 3 * DAY,
        requested_from=date(2026, 11, 11),
        last_load_at=NOW - 3 * DAY,
        last_deep_at=NOW - 3 * DAY,
        # Windows that a load landed which did not come to its end; one without an end proves nothing.
        landed={(NOW - 2 * DAY, NOW - DAY): NOW - 2 * HOUR},
        audits={date(2026, 11, 18): verdict},
        edited_at=NOW - 9 * HOUR,
    )


def test_without_a_confirmed_present_everything_counts(directory: DataDirectory) -> None:
    found = read_source_state(directory, "prod")
    assert found.last_load_at == found.last_deep_at == NOW + 5 * DAY
    assert found.states == {date(2026, 11, 18): DayState.LOST}
    assert found.landed == {}


def test_of_a_source_that_was_never_loaded_nothing_is_known(directory: DataDirectory) -> None:
    found = read_source_state(directory, "other", NOW)
    assert (found.first_load_at, found.requested_from, found.last_load_at) == (None, None, None)
    assert (found.states, found.landed, found.audits, found.edited_at) == ({}, {}, {}, None)
