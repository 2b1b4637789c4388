"""Who is failing now, for how many attempts, and why; and who fails again and again."""

from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.random_log import random_log
from support.small_log import SmallLog, at

CODE = "BackupService.9910"


def failures(log: SmallLog) -> dict[str, dict[str, Any]]:
    return {row["resource_id"]: row for row in log.open().rows("unresolved_failures")}


def test_strikes_are_failures_since_the_last_success() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-04 01:00", status="failed", error_code="BackupService.7101")
    log.backup("disk", "2026-03-05 01:00", minutes=20)
    log.backup("disk", "2026-03-06 01:00", status="failed", error_code="BackupService.7101")
    log.backup("disk", "2026-03-07 01:00", status="timeout", error_code=None)
    last = log.backup("disk", "2026-03-08 00:00", status="failed", error_code=CODE)
    row = failures(log)["disk"]
    assert (row["strikes"], row["age_hours"]) == (3, 95)
    assert (row["first_failed_at"], row["last_failed_at"]) == (at("2026-03-06 01:00"), at("2026-03-08 00:00"))
    assert (row["error_code"], row["error_codes"]) == (CODE, ["BackupService.7101", CODE, "(none)"])
    assert (row["last_task_id"], row["last_ok_at"], row["ever_ok"]) == (last, at("2026-03-05 01:20"), True)
    assert row["text_en"]
    assert row["text_zh"]


def test_a_success_on_demand_resolves() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", status="failed")
    log.backup("disk", "2026-03-06 09:00", policy_id=None)
    assert failures(log) == {}


@pytest.mark.parametrize("status", ["skipped", "running", "waiting", "confused"])
def test_what_is_no_verdict_neither_adds_nor_resets(status: str) -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", status="failed")
    log.backup("disk", "2026-03-07 01:00", status=status)
    assert failures(log)["disk"]["strikes"] == 1


def test_a_resource_that_never_succeeded_is_told_apart() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", status="failed", error_code=" ")
    row = failures(log)["disk"]
    assert (row["ever_ok"], row["last_ok_at"], row["error_code"], row["text_en"]) == (
        False,
        None,
        "(none)",
        None,
    )


def test_removed_resources_are_not_failing() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", status="failed")
    log.remove(["disk"], "2026-03-07 01:00")
    assert failures(log) == {}


def test_a_removal_that_failed_removes_nothing() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", status="failed")
    log.remove(["disk"], "2026-03-07 01:00", status="failed")
    assert failures(log).keys() == {"disk"}


def test_a_resource_put_back_after_its_removal_is_failing() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", status="failed")
    log.remove(["disk"], "2026-03-07 01:00")
    log.backup("disk", "2026-03-08 01:00", status="failed")
    assert failures(log)["disk"]["strikes"] == 2


def test_the_success_of_another_operation_resolves_nothing() -> None:
    log = SmallLog()
    made = log.backup("disk", "2026-03-05 01:00")
    log.backup("disk", "2026-03-06 01:00", status="failed")
    log.restore(made, "2026-03-06 02:00", resource="disk")
    assert failures(log).keys() == {"disk"}


def test_the_order_is_that_of_creation_not_of_ends() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-06 01:00", minutes=600)
    log.backup("disk", "2026-03-06 02:00", status="failed", minutes=1)
    assert failures(log)["disk"]["strikes"] == 1


def test_a_thousand_failures_are_one_row() -> None:
    log = SmallLog()
    for number in range(1000):
        log.backup("disk", f"2026-03-06 {number // 60:02}:{number % 60:02}", status="failed")
    assert failures(log)["disk"]["strikes"] == 1000


def test_only_those_with_enough_strikes_fail_again_and_again() -> None:
    log = SmallLog(settings=AnalyticsSettings(strikes=2))
    log.backup("once", "2026-03-06 01:00", status="failed")
    for day in (6, 7):
        log.backup("twice", f"2026-03-0{day} 01:00", status="failed")
    analytics = log.open()
    rows = analytics.rows("consecutive_failures")
    assert rows == analytics.rows("unresolved_failures", "resource_id = 'twice'")
    assert [row["resource_id"] for row in rows] == ["twice"]


@pytest.mark.parametrize("seed", range(2))
def test_plain_python_counts_the_same_strikes(seed: int) -> None:
    log = random_log(seed).log
    roles = {row["task_id"]: (row["resource_id"], row["role"]) for row in log.tables["resources"]}
    strikes: dict[str, int] = {}
    for task in sorted(log.tables["tasks"], key=lambda task: task["created_at"]):
        resource, role = roles.get(task["task_id"], ("", ""))
        if role == "removed" or task["status"] == "success":
            strikes.pop(resource, None)
        elif task["status"] in ("failed", "timeout"):
            strikes[resource] = strikes.get(resource, 0) + 1
    assert {name: row["strikes"] for name, row in failures(log).items()} == strikes
