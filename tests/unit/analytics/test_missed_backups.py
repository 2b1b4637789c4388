"""Backups that a policy should have made: expected slots without an attempt."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.random_log import WATERMARK, random_log
from support.small_log import SmallLog, at

FIRST = at("2026-02-16 01:00")
"""Three weeks and a day before the watermark of most logs here."""


def nightly(log: SmallLog, *resources: str, days: int = 22, first: datetime = FIRST, **columns: Any) -> None:
    for resource in resources:
        log.daily(resource, first, days, **columns)


def without(log: SmallLog, resource: str, *moments: str) -> None:
    """Takes the attempts of a resource at these times out of the log again."""
    gone = {at(moment) for moment in moments}
    tasks = {task["task_id"] for task in log.tables["tasks"] if task["created_at"] in gone}
    lost = {
        row["task_id"]
        for row in log.tables["resources"]
        if row["resource_id"] == resource and row["task_id"] in tasks
    }
    for table in ("tasks", "resources"):
        log.tables[table] = [row for row in log.tables[table] if row["task_id"] not in lost]


def missed(log: SmallLog) -> list[tuple[str, str, str, bool]]:
    rows = log.open().rows("missed_backups", order="resource_id, slot_at")
    return [
        (row["resource_id"], f"{row['slot_at']:%m-%d %H:%M}", row["kind"], row["is_policy_silent"])
        for row in rows
    ]


def test_nothing_is_missed_when_every_slot_was_met() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk")
    assert missed(log) == []


def test_a_slot_without_an_attempt_is_missed_while_others_ran() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other")
    without(log, "disk", "2026-03-05 01:00")
    row = log.open().row("missed_backups")
    assert (row["resource_id"], row["kind"], row["is_policy_silent"]) == ("disk", "no_attempt", False)
    assert (row["slot_at"], row["slot_local"]) == (at("2026-03-05 01:00"), datetime(2026, 3, 5, 1))  # noqa: DTZ001
    assert (row["policy_id"], row["schedule_id"], row["basis"]) == ("policy-1", "policy-1", "inferred")
    assert f"{row['backup_day']}" == "2026-03-04"


def test_a_slot_at_which_no_resource_ran_is_the_policys_silence() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other")
    for resource in ("disk", "other"):
        without(log, resource, "2026-03-05 01:00")
    assert missed(log) == [(name, "03-05 01:00", "no_attempt", True) for name in ("disk", "other")]


def test_skipped_is_told_from_not_tried() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other")
    without(log, "disk", "2026-03-05 01:00", "2026-03-06 01:00")
    log.backup("disk", "2026-03-05 01:00", status="skipped")
    log.backup("disk", "2026-03-06 01:00", status="skipped")
    log.backup("disk", "2026-03-06 01:10")
    assert missed(log) == [("disk", "03-05 01:00", "skipped", False)]


@pytest.mark.parametrize("status", ["failed", "timeout", "running", "confused"])
def test_any_real_attempt_meets_its_slot(status: str) -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other")
    without(log, "disk", "2026-03-05 01:00")
    log.backup("disk", "2026-03-05 01:59", status=status)
    assert missed(log) == []


def test_an_attempt_an_hour_late_or_on_demand_does_not_meet_the_slot() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other")
    without(log, "disk", "2026-03-05 01:00", "2026-03-06 01:00")
    log.backup("disk", "2026-03-05 02:00")
    log.backup("disk", "2026-03-06 01:10", policy_id=None)
    assert [slot for _, slot, _, _ in missed(log)] == ["03-05 01:00", "03-06 01:00"]


@pytest.mark.parametrize(("watermark", "count"), [("2026-03-10 02:00", 0), ("2026-03-10 02:01", 1)])
def test_the_newest_slot_counts_once_it_is_over_an_hour_old(watermark: str, count: int) -> None:
    log = SmallLog(watermark)
    nightly(log, "disk")
    assert len(missed(log)) == count


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Shanghai", "Pacific/Pago_Pago"])
def test_the_newest_slot_is_seen_wherever_the_day_begins(zone: str) -> None:
    log = SmallLog("2026-03-09 23:30", AnalyticsSettings(timezone=zone))
    nightly(log, "disk", "other", first=FIRST.replace(hour=22), days=22)
    without(log, "disk", "2026-03-09 22:00")
    assert missed(log) == [("disk", "03-09 22:00", "no_attempt", False)]


def test_a_resource_is_expected_from_its_first_scheduled_attempt_on() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk")
    log.backup("new", "2026-03-01 12:00", policy_id=None)
    nightly(log, "new", first=at("2026-03-06 01:00"), days=4)
    without(log, "new", "2026-03-08 01:00")
    assert missed(log) == [("new", "03-08 01:00", "no_attempt", False)]


def test_a_removed_resource_is_expected_no_more() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk")
    nightly(log, "gone", days=15)
    log.remove(["gone"], "2026-03-05 12:00")
    assert [slot for _, slot, _, _ in missed(log)] == ["03-03 01:00", "03-04 01:00", "03-05 01:00"]


@pytest.mark.fault("schedules that change")
def test_a_resource_moved_to_another_policy_is_expected_there_only() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "moved", days=22)
    nightly(log, "there", first=at("2026-02-16 05:00"), policy_id="policy-2")
    for day in range(5, 10):
        without(log, "moved", f"2026-03-0{day} 01:00")
    nightly(log, "moved", first=at("2026-03-05 05:00"), days=5, policy_id="policy-2")
    without(log, "moved", "2026-03-08 05:00")
    assert missed(log) == [("moved", "03-08 05:00", "no_attempt", False)]


@pytest.mark.fault("schedules that change")
def test_a_policy_moved_to_another_hour_misses_nothing() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", days=14)
    nightly(log, "disk", first=at("2026-03-02 03:00"), days=8)
    assert missed(log) == []


@pytest.mark.fault("schedules that change")
def test_a_second_hour_added_to_a_policy_was_not_missed_before() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk")
    nightly(log, "disk", first=at("2026-02-27 13:00"), days=11)
    assert missed(log) == []


def test_days_of_the_week_without_a_run_are_not_expected() -> None:
    log = SmallLog("2026-03-10 00:00")
    for day in range(22):
        moment = FIRST + timedelta(days=day)
        if moment.isoweekday() <= 5:
            log.backup("disk", moment)
    assert missed(log) == []


def test_a_run_lost_to_an_overrun_is_missed() -> None:
    log = SmallLog("2026-03-10 00:00")
    for day in range(22):
        for hour in (0, 1, 2):
            log.backup("disk", FIRST.replace(hour=hour) + timedelta(days=day), minutes=20)
    without(log, "disk", "2026-03-05 01:00")
    assert missed(log) == [("disk", "03-05 01:00", "no_attempt", True)]


def local(zone: str, first: datetime, days: int) -> list[datetime]:
    """The same local time on each of some days, in UTC."""
    begin = first.replace(tzinfo=ZoneInfo(zone))
    return [(begin + timedelta(days=day)).astimezone(UTC) for day in range(days)]


@pytest.mark.fault("schedules that change")
def test_summer_time_moves_no_slot() -> None:
    log = SmallLog("2026-04-05 00:00", AnalyticsSettings(timezone="Europe/Berlin"))
    for moment in local("Europe/Berlin", at("2026-03-08 04:00"), 28):
        log.backup("disk", moment)
    assert missed(log) == []


@pytest.mark.fault("schedules that change")
def test_a_time_that_summer_time_leaves_out_is_not_expected() -> None:
    log = SmallLog("2026-04-05 00:00", AnalyticsSettings(timezone="Europe/Berlin"))
    for moment in local("Europe/Berlin", at("2026-03-08 02:30"), 28):
        if moment.date() != at("2026-03-29").date():
            log.backup("disk", moment)
    assert missed(log) == []


@pytest.mark.parametrize("hour", [0, 1])
@pytest.mark.fault("schedules that change")
def test_a_time_that_comes_twice_is_expected_once(hour: int) -> None:
    log = SmallLog("2026-11-01 00:00", AnalyticsSettings(timezone="Europe/Berlin"))
    for moment in local("Europe/Berlin", at("2026-10-05 02:30"), 27):
        twice = moment.date() == at("2026-10-25").date()
        log.backup("disk", moment.replace(hour=hour) if twice else moment)
    assert missed(log) == []


def test_days_never_loaded_or_lost_are_no_evidence() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other")
    days = ("2026-03-03", "2026-03-04", "2026-03-05")
    for day in days:
        without(log, "disk", f"{day} 01:00")
    log.cover(days[0], state="lost").cover(days[1], state="unverified", checked_at=None)
    log.cover(days[2], state="incomplete")
    rows = log.open().rows("missed_backups")
    assert [(f"{row['slot_at']:%m-%d}", row["day_state"]) for row in rows] == [("03-05", "incomplete")]


def test_a_schedule_without_a_policy_id_is_known_by_its_vault() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", "other", policy_id="")
    without(log, "disk", "2026-03-05 01:00")
    row = log.open().row("missed_backups")
    assert (row["policy_id"], row["schedule_id"]) == (None, "vault:vault-1")


def test_without_a_policy_nothing_is_expected() -> None:
    log = SmallLog("2026-03-10 00:00")
    nightly(log, "disk", policy_id=None)
    without(log, "disk", "2026-03-05 01:00")
    assert missed(log) == []


@pytest.mark.parametrize("seed", range(3))
def test_what_was_left_out_of_a_random_log_is_found_and_nothing_else(seed: int) -> None:
    made = random_log(seed)
    begin = WATERMARK - timedelta(days=28)
    expected = {
        (resource, slot, kind)
        for kind, slots in (("no_attempt", made.missed), ("skipped", made.skipped))
        for resource, slot in slots
        if slot.replace(tzinfo=ZoneInfo("Europe/Berlin")) >= begin
    }
    rows = made.log.open().rows("missed_backups")
    assert {(row["resource_id"], row["slot_local"], row["kind"]) for row in rows} == expected
    assert len(expected) > 20
