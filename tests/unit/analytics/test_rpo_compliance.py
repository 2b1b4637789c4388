"""Unprotected hours: how long each resource was without a recent enough recovery point."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride
from support.random_log import FIRST, INTERVALS, WATERMARK, random_log
from support.small_log import VAULT, SmallLog, at

DAILY = AnalyticsSettings(schedules=(ScheduleOverride(timedelta(days=1), vault_id=VAULT),))
"""A day and two hours of grace: an rpo of 26 hours."""


def compliance(log: SmallLog) -> dict[str, Any]:
    return log.open().row("rpo_compliance")


def hours(row: dict[str, Any]) -> tuple[float, float]:
    return round(row["observed_hours"], 6), round(row["unprotected_hours"], 6)


def test_a_daily_backup_in_time_is_never_unprotected() -> None:
    log = SmallLog(settings=DAILY)
    log.daily("disk", "2026-03-01 01:00", 9)
    row = compliance(log)
    assert hours(row) == (9 * 24 - 1, 0)
    assert (row["time_compliance_rate"], row["breaches"], row["is_in_breach_now"]) == (1, 0, False)


def test_without_grace_every_daily_backup_would_be_in_breach() -> None:
    log = SmallLog(settings=AnalyticsSettings(rpo_grace=timedelta(0), schedules=DAILY.schedules))
    log.daily("disk", "2026-03-01 01:00", 9)
    assert compliance(log)["breaches"] == 8


def test_exposure_runs_from_start_to_the_next_end() -> None:
    log = SmallLog(settings=DAILY)
    for day in (1, 2, 3, 5, 6, 7, 8, 9):
        log.backup("disk", f"2026-03-0{day} 01:00", minutes=10)
    row = compliance(log)
    # From the 3rd 01:00 to the 5th 01:10 are 48 h 10 min, 22 h 10 min more than the rpo.
    assert hours(row) == (215, round(22 + 1 / 6, 6))
    assert (row["breaches"], row["is_in_breach_now"]) == (1, False)
    assert row["time_compliance_rate"] == pytest.approx(1 - (22 + 1 / 6) / 215)


def test_a_failure_made_good_within_the_rpo_costs_nothing() -> None:
    log = SmallLog(settings=DAILY)
    log.daily("disk", "2026-03-01 01:00", 8)
    log.backup("disk", "2026-03-09 01:00", status="failed")
    log.backup("disk", "2026-03-09 02:30", policy_id=None)
    assert hours(compliance(log)) == (215, 0)


def test_a_long_backup_is_seen() -> None:
    log = SmallLog("2026-03-04 06:00", DAILY)
    log.daily("disk", "2026-03-01 01:00", 4, minutes=5 * 60)
    # Three waits of 24 h + 5 h, 3 h over each.
    assert hours(compliance(log)) == (77, 9)


def test_a_resource_never_backed_up_is_unprotected_one_rpo_after_its_first_try() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-08 00:00", status="failed")
    row = compliance(log)
    assert hours(row) == (48, 22)
    assert (row["breaches"], row["is_in_breach_now"]) == (1, True)


def test_a_new_resource_is_compliant() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-09 00:00", status="failed")
    row = compliance(log)
    assert (hours(row), row["is_in_breach_now"]) == ((24, 0), False)


def test_hours_are_clipped_to_the_lookback() -> None:
    settings = AnalyticsSettings(lookback=timedelta(days=2), schedules=DAILY.schedules)
    log = SmallLog(settings=settings)
    log.backup("disk", "2026-02-01 00:00")
    assert hours(compliance(log)) == (48, 48)


def test_removal_ends_exposure_and_observation() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-01 00:00")
    log.remove(["disk"], "2026-03-03 00:00")
    row = compliance(log)
    assert hours(row) == (48, 22)
    assert (row["is_in_breach_now"], row["removed_at"]) == (False, at("2026-03-03 00:00"))


def test_a_resource_removed_before_the_lookback_is_not_there() -> None:
    log = SmallLog("2026-06-01 00:00", DAILY)
    log.backup("disk", "2026-03-01 00:00")
    log.remove(["disk"], "2026-03-03 00:00")
    assert log.open().rows("rpo_compliance") == []


def test_a_backup_that_ends_late_with_an_older_moment_changes_nothing() -> None:
    log = SmallLog("2026-03-03 12:00", DAILY)
    log.backup("disk", "2026-03-01 00:00", minutes=3000)
    log.backup("disk", "2026-03-02 00:00", minutes=10)
    # The newest moment is the 2nd 00:00; from the 3rd 02:00 on that is too old.
    assert hours(compliance(log)) == (60, 10)


def test_a_backup_too_old_when_it_is_usable_does_not_break_a_stretch() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-01 00:00")
    log.backup("disk", "2026-03-04 00:00", minutes=40 * 60)
    row = compliance(log)
    assert (hours(row), row["breaches"]) == ((216, 190), 1)


def test_open_and_skipped_tasks_protect_nothing() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-08 00:00")
    log.backup("disk", "2026-03-09 00:00", status="skipped")
    log.backup("disk", "2026-03-09 00:30", status="running")
    assert hours(compliance(log)) == (48, 22)


def test_a_backup_on_demand_protects() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-08 00:00")
    log.backup("disk", "2026-03-09 00:00", policy_id=None)
    assert hours(compliance(log)) == (48, 0)


def test_a_resource_in_two_vaults_is_protected_by_either() -> None:
    log = SmallLog(settings=DAILY)
    log.backup("disk", "2026-03-08 00:00")
    log.backup("disk", "2026-03-09 00:00", vault_id="vault-2", policy_id="policy-2")
    assert hours(compliance(log))[1] == 0


def test_a_weekly_policy_is_not_measured_by_the_day() -> None:
    log = SmallLog("2026-03-24 00:00")
    for day in ("02-18", "02-25", "03-04", "03-11", "03-18"):
        log.backup("disk", f"2026-{day} 01:00")
    row = compliance(log)
    assert (row["schedule_basis"], row["rpo_hours"], row["breaches"]) == ("inferred", 7 * 24 + 2, 0)


def test_the_summary_adds_hours_and_divides_once() -> None:
    log = SmallLog(settings=DAILY)
    log.daily("good", "2026-03-01 00:00", 9)
    log.backup("bad", "2026-03-08 00:00", status="failed")
    log.backup("gone", "2026-03-01 00:00")
    log.remove(["gone"], "2026-03-03 00:00")
    row = log.open().row("rpo_compliance_summary")
    assert (row["resources"], row["compliant"], row["resource_compliance_rate"]) == (3, 1, 1 / 3)
    assert (row["live"], row["in_breach_now"], row["instant_compliance_rate"]) == (2, 1, 1 / 2)
    assert hours(row) == (216 + 48 + 48, 44)
    assert row["time_compliance_rate"] == pytest.approx(1 - 44 / 312)
    assert (row["breaches"], row["assumed"]) == (2, 0)


def test_the_clock_of_the_session_changes_nothing() -> None:
    log = SmallLog("2026-04-02 00:00", DAILY)
    log.backup("disk", "2026-03-28 00:00")
    analytics = log.open()
    before = analytics.rows("rpo_compliance")
    analytics.without_views.execute("SET TimeZone = 'Europe/Berlin'")
    assert [hours(row) for row in analytics.rows("rpo_compliance")] == [hours(row) for row in before]
    assert hours(before[0]) == (120, 94)


@pytest.mark.fault("deleted recovery points")
def test_a_resource_whose_recovery_points_are_all_deleted_is_unprotected_at_once() -> None:
    log = SmallLog(settings=DAILY)
    for made in log.daily("disk", "2026-03-01 00:00", 9):
        log.delete(made, "2026-03-09 12:00")
    row = compliance(log)
    assert (row["is_in_breach_now"], row["breaches"], hours(row)[1]) == (True, 1, 12)
    assert log.open().row("resource_protection")["bucket"] == "none_left"
    assert log.open().row("rpo_compliance_summary")["instant_compliance_rate"] == 0


@pytest.mark.fault("deleted recovery points")
def test_once_the_newest_is_deleted_the_one_before_counts() -> None:
    log = SmallLog(settings=DAILY)
    made = log.daily("disk", "2026-03-01 00:00", 9)
    log.delete(made[-1], "2026-03-09 12:00")
    # That of the 8th is over 26 h old by then; it is the newest until the watermark.
    assert hours(compliance(log))[1] == 12
    log.delete(made[-2], "2026-03-09 06:00")
    assert hours(compliance(log))[1] == 12


@pytest.mark.fault("deleted recovery points")
def test_deleting_old_recovery_points_exposes_nothing() -> None:
    log = SmallLog(settings=DAILY)
    for made in log.daily("disk", "2026-03-01 00:00", 9)[:-1]:
        log.delete(made, "2026-03-09 12:00")
    assert hours(compliance(log))[1] == 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.fault("deleted recovery points")
def test_the_two_views_of_protection_agree(seed: int) -> None:
    made = random_log(seed).log
    for task in [row for row in made.tables["tasks"] if row["operation_type"] == "backup"][seed::7]:
        made.delete(task["task_id"], task["created_at"] + timedelta(hours=5), vault_id=task["vault_id"])
    found = made.open()
    breached = {row["resource_id"]: row["is_in_breach_now"] for row in found.rows("rpo_compliance")}
    rows = found.rows("resource_protection", "bucket NOT IN ('removed', 'not_loaded')")
    assert {row["resource_id"]: row["bucket"] not in {"within_rpo", "new"} for row in rows} == {
        row["resource_id"]: breached[row["resource_id"]] for row in rows
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_through_every_minute_finds_the_same(seed: int) -> None:
    log = random_log(seed).log
    rows = {row["resource_id"]: row for row in log.open().rows("rpo_compliance")}
    walked = {name: told for name in _resources(log) if (told := _walked(log, name))[0]}
    assert {name: hours(row) for name, row in rows.items()} == {
        name: (round(observed / 60, 6), round(unprotected / 60, 6))
        for name, (observed, unprotected, _) in walked.items()
    }
    assert {name: row["breaches"] for name, row in rows.items()} == {
        name: breaches for name, (_, _, breaches) in walked.items()
    }
    assert any(unprotected for _, unprotected, _ in walked.values())


def _resources(log: SmallLog) -> set[str]:
    return {row["resource_id"] for row in log.tables["resources"]}


def _walked(log: SmallLog, resource: str) -> tuple[int, int, int]:
    """Minutes observed, minutes unprotected and stretches of those, of the 28 days before the watermark."""
    named = {row["task_id"]: row["role"] for row in log.tables["resources"] if row["resource_id"] == resource}
    tasks = [task for task in log.tables["tasks"] if task["task_id"] in named]
    backups = [task for task in tasks if named[task["task_id"]] == "target"]
    enrolled = min(task["created_at"] for task in backups)
    removed = min(
        (task["ended_at"] for task in tasks if named[task["task_id"]] == "removed"), default=WATERMARK
    )
    deleted = {
        task["delete_backup_id"]: task["ended_at"]
        for task in log.tables["tasks"]
        if task["operation_type"] == "delete"
    }
    usable, gone = defaultdict(list), defaultdict(list)
    for task in backups:
        if task["status"] == "success":
            usable[task["ended_at"]].append(task["started_at"])
            if at := deleted.get(task["backup_id"]):
                gone[at].append(task["started_at"])
    rpo = INTERVALS[resource.split("-", maxsplit=1)[0]] + timedelta(hours=2)
    kept: set[datetime] = set()
    was_usable, minute, begin = False, FIRST, WATERMARK - timedelta(days=28)
    observed = unprotected = stretches = 0
    before = False
    while minute < WATERMARK:
        kept = (kept | set(usable.get(minute, ()))) - set(gone.get(minute, ()))
        was_usable |= bool(kept)
        seen = max(enrolled, begin) <= minute < removed
        newest = max(kept, default=None if was_usable else enrolled)
        is_bare = seen and (newest is None or _is_over(minute, newest, rpo))
        observed, unprotected, stretches = (
            observed + seen,
            unprotected + is_bare,
            stretches + (is_bare > before),
        )
        before, minute = is_bare, minute + timedelta(minutes=1)
    return observed, unprotected, stretches


def _is_over(minute: datetime, newest: datetime, rpo: timedelta) -> bool:
    return minute - newest >= rpo
