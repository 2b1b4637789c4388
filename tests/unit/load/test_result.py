"""The result of a load decides exit status, warnings, and which days are named with which reason."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.errors import LoadRunningError, SettingsError, SignInError, StorageError, WarehouseError
from cbr_warehouse.load.repair import Damage
from cbr_warehouse.load.result import LoadResult, SourceResult
from cbr_warehouse.raw.damage import DamagedFile
from cbr_warehouse.raw.ledgers import AuditEntry, LoadEntry

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
DAYS = [date(2026, 11, number) for number in range(1, 9)]
DONE = LoadEntry("L1", "prod", NOW, "incremental", outcome="done")
GOOD = SourceResult(DONE)
DAMAGED = Damage(beyond_reach=(DamagedFile("records", "2026-11-01", Path("one.parquet")),))

BAD = {
    "it was interrupted": replace(GOOD, entry=replace(DONE, outcome="interrupted")),
    "it failed": replace(GOOD, entry=replace(DONE, outcome="failed")),
    "the source has more": replace(GOOD, incomplete=(DAYS[0],)),
    "a day is lost": replace(GOOD, newly_lost=(DAYS[0],)),
    "a file is beyond reach": replace(GOOD, damage=DAMAGED),
    "a day was kept": replace(GOOD, kept=("2026-11-01",)),
}
WARNING = {
    "records are in quarantine": replace(GOOD, quarantined=1),
    "a day is unverified": replace(GOOD, unverified=(DAYS[0],)),
    "one of two is beyond retention": replace(GOOD, unverified=tuple(DAYS[:2]), beyond_retention=(DAYS[0],)),
}


@pytest.mark.parametrize("result", BAD.values(), ids=list(BAD))
def test_what_is_missing_is_no_success(result: SourceResult) -> None:
    assert not result.is_good
    assert LoadResult((GOOD, result)).exit_status(strict=False) == 1
    assert LoadResult((GOOD, result)).exit_status(strict=True) == 1


@pytest.mark.parametrize("result", WARNING.values(), ids=list(WARNING))
def test_a_warning_is_a_failure_only_where_strictness_is_wanted(result: SourceResult) -> None:
    assert result.is_good
    assert result.has_warnings
    assert LoadResult((result, GOOD)).exit_status(strict=False) == 0
    assert LoadResult((result, GOOD)).exit_status(strict=True) == 1


def test_nothing_missing_is_success_however_strict() -> None:
    beyond = replace(GOOD, unverified=(DAYS[0],), beyond_retention=(DAYS[0],))
    set_aside = replace(GOOD, damage=Damage(set_aside=("2026-11-01",)))
    for result in (GOOD, beyond, set_aside):
        assert result.is_good
        assert not result.has_warnings
        assert LoadResult((result,)).exit_status(strict=True) == 0


def test_a_source_left_out_is_no_success() -> None:
    assert LoadResult((GOOD,), (LoadRunningError("is being loaded"),)).exit_status(strict=False) == 1


def test_the_gravest_failure_decides() -> None:
    failed = replace(DONE, outcome="failed")
    refused = replace(GOOD, entry=failed, failure=SignInError("refused", 401))
    wrong = replace(GOOD, entry=failed, failure=SettingsError("wrong"))
    unforeseen = replace(GOOD, entry=failed, failure=OverflowError())
    assert LoadResult((GOOD, refused)).exit_status(strict=False) == 1
    assert LoadResult((wrong, refused, GOOD)).exit_status(strict=False) == 2
    assert LoadResult((unforeseen,)).exit_status(strict=False) == 1


@pytest.mark.parametrize(
    ("failure", "is_publishable"),
    [(None, True), (SignInError("x", 401), True), (StorageError("x"), False), (WarehouseError("x"), False)],
)
def test_what_was_received_before_the_api_failed_is_published(
    failure: Exception | None, is_publishable: bool
) -> None:
    assert replace(GOOD, failure=failure).is_publishable is is_publishable


def test_days_are_grouped_by_state_and_reason_without_those_that_need_nothing() -> None:
    def entry(day: date, state: DayState, reason: DayReason | None = None) -> AuditEntry:
        return AuditEntry(day, 1, 0, state.value, NOW, reason)

    result = replace(
        GOOD,
        newly_lost=(DAYS[4],),
        beyond_retention=(DAYS[6],),
        findings=(
            entry(DAYS[0], DayState.COMPLETE),
            entry(DAYS[1], DayState.UNVERIFIED, DayReason.NO_COUNT),
            entry(DAYS[2], DayState.UNVERIFIED, DayReason.NO_COUNT),
            entry(DAYS[3], DayState.INCOMPLETE, DayReason.SOURCE_HAS_MORE),
            entry(DAYS[4], DayState.LOST, DayReason.COUNTS_DISAGREE),
            entry(DAYS[5], DayState.LOST, DayReason.NO_COUNT),  # reported by an earlier load
            entry(DAYS[6], DayState.UNVERIFIED, DayReason.NO_COUNT),
            entry(DAYS[7], DayState.OPEN),
        ),
    )
    assert result.days_by_reason() == {
        ("unverified", "no_count"): [DAYS[1], DAYS[2]],
        ("incomplete", "source_has_more"): [DAYS[3]],
        ("lost", None): [DAYS[4]],
    }
