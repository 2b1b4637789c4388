"""How old the newest backup of each resource is, and how many resources are covered."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride
from support.random_log import WATERMARK, random_log
from support.small_log import POLICY, VAULT, SmallLog, at

AS_OF = at("2026-03-10 00:00")
DAILY = AnalyticsSettings(schedules=(ScheduleOverride(timedelta(days=1), vault_id=VAULT),))
"""A day and two hours of grace: an rpo of 26 hours."""


def ago(hours: float) -> datetime:
    return AS_OF - timedelta(hours=hours)


def protection(log: SmallLog, resource: str = "disk") -> dict[str, Any]:
    return log.open().row("resource_protection", f"resource_id = '{resource}'")


@pytest.mark.parametrize(
    ("hours", "bucket"),
    [
        (1, "within_rpo"),
        (26, "within_rpo"),
        (26.01, "within_2x_rpo"),
        (52, "within_2x_rpo"),
        (52.01, "within_7d"),
        (168, "within_7d"),
        (168.01, "older_than_7d"),
    ],
)
def test_a_resource_is_in_the_first_bucket_that_its_age_fits(hours: float, bucket: str) -> None:
    log = SmallLog(AS_OF, DAILY)
    log.backup("disk", ago(hours))
    row = protection(log)
    assert (row["bucket"], row["age_hours"]) == (bucket, pytest.approx(hours))
    assert (row["schedule_basis"], row["rpo_hours"]) == ("configured", 26)


@pytest.mark.parametrize(("hours", "bucket"), [(25.99, "new"), (26, "never"), (400, "never")])
def test_a_resource_without_a_backup_is_new_for_one_rpo_only(hours: float, bucket: str) -> None:
    log = SmallLog(AS_OF, DAILY)
    log.backup("disk", ago(hours), status="failed", minutes=1)
    log.backup("disk", ago(1), status="running")
    row = protection(log)
    assert (row["bucket"], row["age_hours"], row["recovery_points_made"]) == (bucket, None, 0)


def test_age_runs_from_the_moment_it_recovers_to_not_from_its_end() -> None:
    log = SmallLog(AS_OF, DAILY)
    task = log.backup("disk", ago(30), minutes=29 * 60, full=True)
    row = protection(log)
    assert (row["age_hours"], row["bucket"]) == (30, "within_2x_rpo")
    assert (row["last_rp_task_id"], row["last_rp_is_full"]) == (task, True)
    assert row["last_rp_usable_at"] == ago(1)


def test_a_backup_that_is_not_usable_yet_does_not_count() -> None:
    log = SmallLog(AS_OF, DAILY)
    log.backup("disk", ago(60))
    log.backup("disk", ago(2), minutes=121)
    assert protection(log)["age_hours"] == 60


@pytest.mark.fault("deleted recovery points")
def test_a_deleted_backup_does_not_count_and_one_whose_deletion_failed_does() -> None:
    log = SmallLog(AS_OF, DAILY)
    log.backup("disk", ago(100))
    kept, deleted = log.backup("disk", ago(30)), log.backup("disk", ago(5))
    log.delete(kept, ago(3), status="failed")
    log.delete(deleted, ago(2))
    row = protection(log)
    assert (row["last_rp_task_id"], row["age_hours"]) == (kept, 30)
    assert (row["recovery_points"], row["recovery_points_made"]) == (2, 3)


@pytest.mark.fault("deleted recovery points")
def test_a_resource_whose_backups_are_all_deleted_has_none_left() -> None:
    log = SmallLog(AS_OF, DAILY)
    log.delete(log.backup("disk", ago(5)), ago(2))
    row = protection(log)
    assert (row["bucket"], row["recovery_points"], row["recovery_points_made"]) == ("none_left", 0, 1)


def test_the_threshold_is_that_of_the_resource() -> None:
    weekly = ScheduleOverride(timedelta(days=7), resource_id="weekly")
    log = SmallLog(AS_OF, AnalyticsSettings(schedules=(*DAILY.schedules, weekly)))
    log.backup("weekly", ago(169))
    log.backup("daily", ago(169))
    rows = {row["resource_id"]: row["bucket"] for row in log.open().rows("resource_protection")}
    assert rows == {"weekly": "within_rpo", "daily": "older_than_7d"}


def test_a_source_loaded_later_is_seen_as_of_the_common_watermark() -> None:
    log = SmallLog(AS_OF, DAILY).load(AS_OF + timedelta(days=3), source="ahead")
    log.backup("disk", ago(40), source="ahead")
    log.backup("disk", AS_OF + timedelta(hours=30), source="ahead")
    log.backup("later", AS_OF + timedelta(hours=30), source="ahead")
    row = log.open().row("resource_protection")
    assert (row["resource_id"], row["age_hours"]) == ("disk", 40)


def test_coverage_counts_live_resources_and_divides_by_those_not_new() -> None:
    log = SmallLog(AS_OF, DAILY)
    for name, hours in (("a", 1), ("b", 2), ("c", 30), ("d", 100), ("e", 200), ("gone", 1)):
        log.backup(name, ago(hours), minutes=1)
    log.backup("never", ago(100), status="timeout")
    log.backup("new", ago(1), status="skipped")
    log.delete(log.backup("left", ago(3)), ago(2))
    log.remove(["gone"], ago(0.5))
    log.backup("other", ago(1), resource_type=None)
    analytics = log.open()
    row = analytics.row("protection_coverage", "resource_type = 'OS::Nova::Server'")
    counted = {name: row[name] for name in row if name not in ("source", "resource_type", "coverage_rate")}
    assert counted == {
        "resources": 8,
        "within_rpo": 2,
        "within_2x_rpo": 1,
        "within_7d": 1,
        "older_than_7d": 1,
        "none_left": 1,
        "never": 1,
        "new": 1,
        "removed": 1,
        "not_loaded": 0,
        "assumed": 0,
    }
    assert row["coverage_rate"] == 2 / 7
    assert analytics.row("protection_coverage", "resource_type = '(unknown)'")["coverage_rate"] == 1


def test_only_new_resources_have_no_rate() -> None:
    log = SmallLog(AS_OF)
    log.backup("new", ago(1), status="failed")
    row = log.open().row("protection_coverage")
    assert (row["resources"], row["new"], row["coverage_rate"], row["assumed"]) == (1, 1, None, 1)


def test_a_deleted_vault_removes_its_resources() -> None:
    log = SmallLog(AS_OF, DAILY)
    log.backup("disk", ago(1), vault_id="vault-2")
    log.task("vault_delete", ago(0.5), vault_id="vault-2")
    assert log.open().row("protection_coverage")["removed"] == 1


def test_a_renamed_resource_is_one_and_has_its_newest_name() -> None:
    log = SmallLog(AS_OF, DAILY)
    log.backup("disk", ago(30), resource_name="旧名")
    log.backup("disk", ago(6), resource_name="数据库-01")
    assert protection(log)["resource_name"] == "数据库-01"


def test_on_demand_backups_protect_and_a_resource_without_a_policy_is_assumed() -> None:
    log = SmallLog(AS_OF)
    log.backup("disk", ago(3), policy_id=None)
    row = protection(log)
    assert (row["bucket"], row["policy_id"], row["schedule_basis"]) == ("within_rpo", None, "assumed")
    assert POLICY not in row.values()


@pytest.mark.parametrize("seed", range(2))
def test_plain_python_finds_the_same_newest_recovery_point(seed: int) -> None:
    log = random_log(seed).log
    named = {row["task_id"]: row["resource_id"] for row in log.tables["resources"] if row["role"] == "target"}
    deleted = {
        task["delete_backup_id"]
        for task in log.tables["tasks"]
        if task["operation_type"] == "delete" and task["ended_at"] <= WATERMARK
    }
    newest: dict[str, datetime] = {}
    for task in log.tables["tasks"]:
        usable = task["status"] == "success" and task["ended_at"] <= WATERMARK
        if task["operation_type"] == "backup" and usable and task["backup_id"] not in deleted:
            resource = named[task["task_id"]]
            newest[resource] = max(newest.get(resource, task["started_at"]), task["started_at"])
    rows = log.open().rows("resource_protection")
    assert len(rows) == 12
    assert {row["resource_id"]: row["last_rp_at"] for row in rows if row["last_rp_at"]} == newest


def moved(*, to: str = "vault-2") -> SmallLog:
    """A resource that was moved from vault-1 to another a week ago, and one that stays."""
    log = SmallLog()
    log.daily("stays", "2026-02-20 01:00", 18)
    log.daily("moves", "2026-02-20 01:00", 11)
    log.daily("moves", "2026-03-03 01:00", 7, vault_id=to, policy_id="policy-2")
    return log


def buckets(log: SmallLog) -> dict[str, str]:
    return {row["resource_id"]: row["bucket"] for row in log.open().rows("resource_protection")}


@pytest.mark.parametrize("when", ["2026-03-03 12:00", "2026-03-09 12:00"])
@pytest.mark.fault("resources that move")
def test_a_removal_from_the_old_vault_leaves_a_moved_resource_protected(when: str) -> None:
    log = moved()
    log.remove(["moves"], when)
    assert buckets(log) == {"stays": "within_rpo", "moves": "within_rpo"}
    row = log.open().row("protection_coverage")
    assert (row["resources"], row["removed"]) == (2, 0)


@pytest.mark.fault("resources that move")
def test_a_removal_from_a_vault_that_the_log_never_saw_it_in_removes_nothing() -> None:
    log = moved()
    log.remove(["stays"], "2026-03-09 12:00", vault_id="vault-of-old")
    assert buckets(log)["stays"] == "within_rpo"


@pytest.mark.fault("resources that move")
def test_the_old_vaults_deletion_leaves_a_moved_resource_protected() -> None:
    log = moved()
    log.task("vault_delete", "2026-03-09 12:00")
    assert buckets(log) == {"stays": "removed", "moves": "within_rpo"}


@pytest.mark.fault("resources that move")
def test_a_resource_of_two_vaults_is_removed_once_it_has_left_both() -> None:
    log = SmallLog()
    for vault, hour in (("vault-1", 1), ("vault-2", 3)):
        log.daily("both", f"2026-02-20 0{hour}:00", 18, vault_id=vault, policy_id=f"policy-{vault}")
    log.remove(["both"], "2026-03-09 12:00", vault_id="vault-2")
    assert buckets(log) == {"both": "within_rpo"}
    log.remove(["both"], "2026-03-09 14:00", vault_id="vault-1")
    assert log.open().row("resource")["removed_at"] == at("2026-03-09 14:00")


@pytest.mark.fault("resources that move")
def test_a_removal_without_a_vault_counts_for_every_vault() -> None:
    log = moved()
    log.remove(["moves"], "2026-03-09 12:00", vault_id=None)
    assert buckets(log)["moves"] == "removed"
