"""The register of failing streaks, with the proof of recovery, and the statistics made of it."""

from datetime import datetime
from itertools import groupby

import pytest

from support.random_log import WATERMARK, random_log
from support.small_log import SmallLog, at


def test_a_streak_lasts_from_its_first_failure_to_the_end_of_the_next_success() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-01 01:00")
    first = log.backup("disk", "2026-03-02 01:00", status="failed", vault_id="vault-2")
    last = log.backup("disk", "2026-03-03 01:00", status="timeout", error_code="BackupService.9910")
    log.backup("disk", "2026-03-03 02:00", status="skipped")
    proof = log.backup("disk", "2026-03-04 01:00", minutes=30)
    log.backup("disk", "2026-03-05 01:00")
    row = log.open().row("failing_streaks")
    assert (row["failures"], row["first_task_id"], row["last_task_id"]) == (2, first, last)
    assert (row["recovered_by"], row["recovered_at"]) == (proof, at("2026-03-04 01:30"))
    assert (row["duration_hours"], row["censored_hours"]) == (48.5, None)
    assert (row["is_open"], row["ended_by"], row["vault_id"]) == (False, "recovery", "vault-2")
    assert (row["first_error_code"], row["last_error_code"]) == ("(none)", "BackupService.9910")


def test_an_open_streak_is_censored_at_the_watermark() -> None:
    log = SmallLog("2026-03-10 00:00")
    log.backup("disk", "2026-03-09 01:00", status="failed")
    log.backup("disk", "2026-03-09 02:00", status="running")
    row = log.open().row("failing_streaks")
    assert (row["is_open"], row["ended_by"], row["duration_hours"]) == (True, None, None)
    assert row["censored_hours"] == 23


def test_removal_ends_a_streak_without_recovering_it() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-01 00:00", status="failed")
    log.remove(["disk"], "2026-03-03 00:00")
    row = log.open().row("failing_streaks")
    assert (row["is_open"], row["ended_by"], row["recovered_by"]) == (False, "removal", None)
    assert (row["censored_hours"], row["removed_at"]) == (48, at("2026-03-03 00:00"))


def test_statistics_tell_the_time_of_open_streaks_too() -> None:
    log = SmallLog("2026-03-11 00:00")
    for resource, hour in (("a", 1), ("b", 2), ("c", 9)):
        log.backup(resource, "2026-03-01 00:00", status="failed", minutes=1)
        log.backup(resource, f"2026-03-01 0{hour}:00", minutes=0)
    log.backup("open", "2026-03-10 00:00", status="failed")
    log.backup("good", "2026-03-01 00:00")
    log.remove(["good"], "2026-03-06 00:00")
    row = log.open().row("recovery_statistics")
    assert (row["resources"], row["streaks"], row["closed"], row["open"]) == (5, 4, 3, 1)
    assert (row["mttr_closed_median_hours"], row["mttr_closed_mean_hours"]) == (2, 4)
    assert (row["failing_hours"], row["mttr_total_time_hours"]) == (36, 12)
    # Three resources for ten days, one for one, one for five until its removal.
    assert (row["observed_resource_days"], row["mtbf_resource_days"]) == (36, 9)


def test_mtbf_counts_starts_of_streaks_not_failures() -> None:
    log = SmallLog("2026-03-11 00:00")
    for hour in range(10):
        log.backup("disk", f"2026-03-01 0{hour}:00", status="failed")
    row = log.open().row("recovery_statistics")
    assert (row["failures"], row["streaks"], row["mtbf_resource_days"]) == (10, 1, 10)
    assert (row["mttr_closed_median_hours"], row["mttr_total_time_hours"]) == (None, None)


def test_a_source_without_failures_has_its_row() -> None:
    log = SmallLog("2026-03-11 00:00")
    log.backup("disk", "2026-03-01 00:00")
    row = log.open().row("recovery_statistics")
    assert (row["streaks"], row["failing_hours"], row["mtbf_resource_days"]) == (0, 0, None)
    assert row["observed_resource_days"] == 10


@pytest.mark.parametrize("seed", range(2))
def test_plain_python_finds_the_same_streaks(seed: int) -> None:
    log = random_log(seed).log
    found = {
        (row["resource_id"], row["first_failed_at"], row["failures"], row["recovered_at"])
        for row in log.open().rows("failing_streaks")
    }
    named = {row["task_id"]: row["resource_id"] for row in log.tables["resources"] if row["role"] == "target"}
    verdicts = sorted(
        (named[task["task_id"]], task["created_at"], task["status"] == "success", task["ended_at"])
        for task in log.tables["tasks"]
        if task["operation_type"] == "backup" and task["status"] in ("success", "failed", "timeout")
    )
    expected: set[tuple[str, datetime, int, datetime | None]] = set()
    for resource, tries in groupby(verdicts, key=lambda verdict: verdict[0]):
        first, failures = WATERMARK, 0
        for _, created, is_ok, ended in tries:
            if is_ok and failures:
                expected.add((resource, first, failures, ended))
            first = min(first, created) if not is_ok and failures else created
            failures = 0 if is_ok else failures + 1
        if failures:
            expected.add((resource, first, failures, None))
    assert found == expected
