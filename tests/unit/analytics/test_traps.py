"""The traps of the field, one test each: what a careless query counts wrongly, our views count rightly."""

from typing import Any

import pytest

from support.small_log import SERVER, SmallLog, at

CODE = "BackupService.9910"
DAY = "2026-03-08"
"""The backup day from the 8th 18:00 to the 9th 18:00 UTC; the watermark is the 10th 00:00."""


def day_of(log: SmallLog, day: str = DAY) -> dict[str, Any]:
    return log.open().row("backup_success_daily", f"backup_day = DATE '{day}'")


def test_open_tasks_are_in_no_denominator_and_counted_beside() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:00")
    log.backup("b", "2026-03-09 01:00", status="running")
    log.backup("c", "2026-03-09 01:00", status="waiting")
    row = day_of(log)
    assert (row["final_success_rate"], row["attempt_success_rate"]) == (1.0, 1.0)
    assert (row["pending"], row["attempts_open"]) == (2, 2)


def test_a_retried_task_is_one_window_and_no_rate_is_above_one() -> None:
    log = SmallLog()
    for hour, status in ((1, "failed"), (2, "failed"), (3, "success"), (4, "success")):
        log.backup("a", f"2026-03-09 0{hour}:00", status=status)
    row = day_of(log)
    assert (row["windows"], row["protected"], row["final_success_rate"]) == (1, 1, 1.0)
    assert (row["rescued"], row["first_attempt_success_rate"]) == (1, 0.0)
    assert (row["attempts"], row["attempt_success_rate"]) == (4, 0.5)


def test_a_retried_copy_is_one_recovery_point_copied_once() -> None:
    log = SmallLog()
    made = log.backup("a", "2026-03-05 01:00")
    log.copy(made, "2026-03-05 03:00", status="failed")
    log.copy(made, "2026-03-05 05:00")
    row = log.open().row("replication")
    assert (row["eligible"], row["copied"], row["copied_rate"], row["retries"]) == (1, 1, 1.0, 1)


def test_a_task_with_many_resources_is_one_task_and_no_backup_of_them() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 20:00")
    log.remove(["a", "b", "c"], "2026-03-09 01:00")
    found = log.open()
    assert found.row("attempt", "operation_type = 'remove_resource'")["resource_id"] is None
    assert found.row("deletion_audit")["class"] == "removal"
    assert [row["resource_id"] for row in found.rows("resource")] == ["a"]
    assert day_of(log)["windows"] == 1


def test_tasks_of_one_run_are_judged_by_resource_not_by_checkpoint() -> None:
    log = SmallLog()
    for name, status in (("a", "success"), ("b", "success"), ("c", "failed")):
        log.backup(name, "2026-03-09 01:00", status=status, checkpoint_id="run")
    row = day_of(log)
    assert (row["windows"], row["protected"], row["failed"]) == (3, 2, 1)
    assert row["final_success_rate"] == pytest.approx(2 / 3)


def test_a_backup_across_the_end_of_its_day_belongs_to_the_day_of_its_creation() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 17:50", minutes=90)
    assert day_of(log, "2026-03-07")["protected"] == 1
    assert day_of(log)["windows"] == 0


def test_a_backup_across_midnight_stays_one_backup_of_one_day() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 23:50", minutes=30)
    assert (day_of(log)["windows"], day_of(log)["protected"]) == (1, 1)


def test_the_day_that_is_not_over_is_told_apart() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:00")
    log.backup("a", "2026-03-09 20:00", status="failed")
    closed = {
        row["backup_day"].isoformat(): row["is_closed"] for row in log.open().rows("backup_success_daily")
    }
    assert closed == {DAY: True, "2026-03-09": False}
    score = log.open().row("scorecard", "dimension = 'source'")
    assert (score["windows"], score["final_success_rate"]) == (1, 1.0)


def test_a_removed_resource_stays_in_its_past_and_leaves_the_present() -> None:
    log = SmallLog()
    log.daily("a", "2026-03-05 01:00", 5)
    log.daily("gone", "2026-03-05 01:00", 2)
    log.remove(["gone"], "2026-03-06 12:00")
    found = log.open()
    assert found.row("backup_success_daily", "backup_day = DATE '2026-03-05'")["windows"] == 2
    coverage = found.row("protection_coverage", "resource_type IS NOT NULL")
    assert (coverage["resources"], coverage["removed"], coverage["coverage_rate"]) == (1, 1, 1.0)
    assert found.rows("missed_backups", "resource_id = 'gone'") == []
    assert found.row("resource", "resource_id = 'gone'")["removed_at"] is not None


def test_a_new_resource_has_a_bucket_of_its_own_until_its_first_interval_is_over() -> None:
    log = SmallLog()
    log.daily("old", "2026-03-01 01:00", 9)
    log.backup("new", "2026-03-09 20:00", status="running")
    coverage = log.open().row("protection_coverage", "resource_type IS NOT NULL")
    assert (coverage["new"], coverage["never"], coverage["coverage_rate"]) == (1, 0, 1.0)


def test_a_renamed_and_moved_resource_is_one_with_its_newest_name_and_vault() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-07 01:00", resource_name="old name", vault_id="v1")
    log.backup("a", "2026-03-08 01:00", resource_name="new name", vault_id="v2")
    found = log.open()
    row = found.row("resource")
    assert (row["resource_name"], row["vault_id"], row["vaults"]) == ("new name", "v2", 2)
    assert [one["vault_id"] for one in found.rows("attempt", order="created_at")] == ["v1", "v2"]


def test_a_resource_in_two_vaults_is_protected_by_either() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:00", vault_id="v1", status="failed")
    log.backup("a", "2026-03-09 02:00", vault_id="v2")
    row = day_of(log)
    assert (row["windows"], row["protected"], row["failed"]) == (1, 1, 0)
    assert log.open().row("resource")["vaults"] == 2


def test_a_skip_is_no_failure_and_no_success() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 19:00", status="failed", error_code=CODE)
    log.backup("a", "2026-03-09 01:00", status="skipped")
    log.backup("b", "2026-03-09 01:00", status="skipped")
    row = day_of(log)
    assert (row["failed"], row["skipped"], row["attempts_skipped"]) == (1, 1, 2)
    assert row["attempt_success_rate"] == 0.0
    assert log.open().row("unresolved_failures")["strikes"] == 1


def test_an_unknown_status_is_no_success() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:00", status="half done")
    row = day_of(log)
    assert (row["protected"], row["unknown"], row["final_success_rate"]) == (0, 1, None)
    assert log.open().row("data_quality")["unknown_status"] == 1


def test_a_timeout_is_a_failure() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:00", status="timeout")
    assert (day_of(log)["failed"], day_of(log)["final_success_rate"]) == (1, 0.0)


def test_blank_and_missing_error_codes_are_one_bucket() -> None:
    log = SmallLog()
    for place, code in enumerate((None, "", "  ")):
        log.backup(f"r{place}", "2026-03-09 01:00", status="failed", error_code=code)
    row = log.open().row("failure_causes")
    assert (row["error_code"], row["failures"]) == ("(none)", 3)


def test_crash_consistent_by_configuration_is_no_downgrade() -> None:
    log = SmallLog()
    for place, (status, code) in enumerate(
        (("1", "0"), ("0", ""), ("0", "0"), ("0", "AppC.1"), (None, None))
    ):
        log.backup(
            f"r{place}",
            "2026-03-09 01:00",
            backup_app_consistency_status=status,
            backup_app_consistency_error_code=code,
        )
    row = log.open().row("app_consistency")
    assert (row["intended"], row["downgraded"], row["downgrade_rate"]) == (2, 1, 0.5)
    assert row["error_codes"] == ["AppC.1"]


def test_few_cases_make_no_advice() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 01:00", status="failed", error_code=CODE)
    log.backup("a", "2026-03-08 02:00")
    row = log.open().row("retry_worth")
    assert (row["n"], row["next_ok_rate"], row["advice"]) == (1, 1.0, "unclear")
    assert row["wilson_lower"] == pytest.approx(0.2065, abs=1e-3)


def test_percentages_are_of_sums_not_of_percentages() -> None:
    log = SmallLog()
    for number in range(9):
        log.backup(f"big {number}", "2026-03-09 01:00", vault_id="big")
    log.backup("small", "2026-03-09 01:00", vault_id="small", status="failed")
    found = log.open()
    assert found.row("scorecard", "dimension = 'source'")["final_success_rate"] == pytest.approx(0.9)


def test_a_start_before_the_creation_is_no_negative_wait() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:00:00.039", started_at="2026-03-09 01:00:00.007")
    log.backup("b", "2026-03-09 01:00", started_at="2026-03-09 01:02")
    row = log.open().row("start_delay")
    assert (row["tasks"], row["clamped"], row["wait_max_seconds"]) == (2, 1, 120.0)
    assert row["wait_p50_seconds"] == 60.0


def test_time_to_recover_counts_streaks_that_still_fail() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 00:00", status="failed", error_code=CODE)
    log.backup("a", "2026-03-08 10:00", minutes=0)
    log.backup("b", "2026-03-08 00:00", status="failed", error_code=CODE)
    row = log.open().row("recovery_statistics")
    assert (row["closed"], row["open"], row["mttr_closed_mean_hours"]) == (1, 1, 10.0)
    assert row["mttr_total_time_hours"] == 10.0 + 48.0


def test_copies_are_asked_only_of_what_can_and_should_have_one() -> None:
    log = SmallLog()
    made = log.backup("server", "2026-03-05 01:00")
    log.copy(made, "2026-03-05 02:00")
    log.backup("disk", "2026-03-05 01:00", resource_type="OS::Cinder::Volume")
    log.backup("young", "2026-03-09 20:00")
    short = log.backup("short-lived", "2026-03-05 01:00")
    log.delete(short, "2026-03-05 20:00")
    row = log.open().row("replication")
    assert (row["eligible"], row["copied_rate"]) == (1, 1.0)


def test_a_copy_is_no_backup_of_its_region() -> None:
    log = SmallLog()
    made = log.backup("server", "2026-03-09 01:00")
    log.copy(made, "2026-03-09 02:00", resource="server", resource_type=SERVER)
    assert (day_of(log)["attempts"], day_of(log)["windows"]) == (1, 1)
    assert log.open().query("SELECT count(*) AS n FROM analytics.recovery_point") == [{"n": 1}]


def test_now_is_the_watermark_of_the_data_and_never_the_clock() -> None:
    log = SmallLog(watermark="2026-03-10 00:00")
    log.load("2026-03-09 12:00", source="slower")
    log.backup("a", "2026-03-09 01:00", minutes=0)
    log.backup("b", "2026-03-09 01:00", source="slower", minutes=0)
    found = log.open()
    assert found.row("as_of")["as_of"] == at("2026-03-09 12:00")
    assert {row["age_hours"] for row in found.rows("resource_protection")} == {11.0}


def test_counts_of_different_units_are_never_divided() -> None:
    log = SmallLog()
    log.remove(["a"], "2026-03-09 01:00", remove_resources_fail_count=2, remove_resources_total_count=5)
    row = log.open().row("deletion_audit")
    assert (row["backups_deleted"], row["failures"]) == (5, 2)
    assert not [name for name in row if name.endswith(("rate", "share"))]


def test_what_a_source_holds_beyond_the_watermark_of_all_is_in_no_lookback() -> None:
    log = SmallLog(source="ahead", watermark="2026-03-12 00:00").load("2026-03-10 00:00", source="behind")
    for day, vault in (("2026-03-09", "before"), ("2026-03-11", "after")):
        asked = {"vault_id": vault, "backup_app_consistency_status": "1"}
        made = log.backup(vault, f"{day} 01:00", full=True, **asked)
        log.backup(vault, f"{day} 02:00", status="timeout", error_code=f"Code.{vault}", vault_id=vault)
        log.backup(vault, f"{day} 03:00", status="running", vault_id=vault)
        log.restore(made, f"{day} 04:00", resource=vault)
    found = log.open()
    assert [row["vault_id"] for row in found.rows("app_consistency")] == ["before"]
    waits = found.rows("start_delay", "operation_type = 'backup'", "local_hour")
    assert [(row["local_hour"], row["tasks"]) for row in waits] == [(1, 1), (2, 1), (3, 1)]
    assert {row["resource_id"] for row in found.rows("open_tasks")} == {"before"}
    assert [row["error_code"] for row in found.rows("exposure_pareto")] == ["Code.before"]
    assert [row["resource_id"] for row in found.rows("full_incremental")] == ["before"]
    assert {row["resource_id"]: row["restores_ok"] for row in found.rows("restore_evidence")} == {
        "before": 1,
        "after": 0,
    }
    assert {row["seen"] for row in found.rows("schedule_slot")} == {1}
    log.cover("2026-03-09").cover("2026-03-11", state="incomplete")
    assert log.open().row("data_quality", "source = 'ahead'")["is_complete"] is True
