"""What a run of a policy is, and what every view makes of one: slow vaults, moved policies, delays."""

from datetime import timedelta

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("schedules that change")

FIRST = at("2026-02-16 01:00")


def slow_vault(days: int, *, apart: int = 12, resources: int = 16, checkpoint: bool = False) -> SmallLog:
    """A vault whose tasks of a run are created one after the other, some minutes apart."""
    log = SmallLog("2026-03-10 00:00")
    begin = at("2026-03-09 01:00") - timedelta(days=days - 1)
    for day in range(days):
        for number in range(resources):
            told = {"checkpoint_id": f"run-{day}"} if checkpoint else {}
            moment = begin + timedelta(days=day, minutes=apart * number)
            log.backup(f"disk-{number:02}", moment, minutes=5, **told)
    return log


@pytest.mark.parametrize("apart", [1, 12, 29])
@pytest.mark.parametrize("days", [3, 6, 7, 22])
def test_a_vault_that_takes_hours_to_create_its_tasks_misses_nothing(days: int, apart: int) -> None:
    found = slow_vault(days, apart=apart, resources=min(16, 600 // apart)).open()
    assert found.rows("missed_backups") == []
    assert len(found.rows("schedule_run")) == days
    (expected,) = {row["time_of_day"] for row in found.rows("schedule_slot", "is_expected")}
    assert f"{expected}" == "01:00:00"


@pytest.mark.parametrize("days", [3, 22])
def test_a_slow_vault_has_the_interval_of_its_policy(days: int) -> None:
    rows = slow_vault(days).open().rows("resource")
    assert {row["schedule_basis"] for row in rows} == {"observed" if days < 9 else "inferred"}
    assert {row["backup_interval"] for row in rows} == {timedelta(days=1)}


def test_tasks_of_one_checkpoint_are_one_run_however_far_apart() -> None:
    found = slow_vault(6, apart=50, resources=5, checkpoint=True).open()
    assert len(found.rows("schedule_run")) == 6
    assert found.rows("missed_backups") == []


def test_a_slow_run_misses_whom_it_never_tried() -> None:
    log = slow_vault(10)
    late = at("2026-03-07 01:00") + timedelta(minutes=12 * 15)
    (gone,) = (task["task_id"] for task in log.tables["tasks"] if task["created_at"] == late)
    for table in ("tasks", "resources"):
        log.tables[table] = [row for row in log.tables[table] if row["task_id"] != gone]
    row = log.open().row("missed_backups")
    assert (row["resource_id"], row["slot_at"]) == ("disk-15", at("2026-03-07 01:00"))
    assert row["is_policy_silent"] is False


def test_hourly_runs_that_take_most_of_the_hour_stay_apart() -> None:
    log = SmallLog("2026-03-10 00:00")
    for hour in range(5 * 24):
        for number in range(5):
            moment = at("2026-03-05 00:00") + timedelta(hours=hour, minutes=11 * number)
            log.backup(f"disk-{number}", moment, minutes=5)
    found = log.open()
    assert len(found.rows("schedule_run")) == 5 * 24
    assert {row["backup_interval"] for row in found.rows("resource")} == {timedelta(hours=1)}
    assert found.rows("missed_backups") == []


@pytest.mark.parametrize("missed_on", range(2, 8))
def test_a_miss_after_a_policy_moved_to_another_hour_is_seen_at_once(missed_on: int) -> None:
    log = SmallLog(at("2026-03-02 23:00") + timedelta(days=8))
    log.daily("disk", FIRST, 14)
    log.daily("other", FIRST, 14)
    for day in range(9):
        moment = at("2026-03-02 03:00") + timedelta(days=day)
        log.backup("other", moment)
        if day != missed_on:
            log.backup("disk", moment)
    found = log.open()
    row = found.row("missed_backups")
    assert (row["resource_id"], row["slot_at"]) == (
        "disk",
        at("2026-03-02 03:00") + timedelta(days=missed_on),
    )
    assert {row["backup_interval"] for row in found.rows("resource")} == {timedelta(days=1)}


def test_a_silent_night_after_a_policy_moved_is_seen_though_its_weekday_never_ran_at_the_new_hour() -> None:
    log = SmallLog("2026-03-10 00:00")
    log.daily("disk", FIRST, 14)
    for day in (2, 3, 4, 6, 7, 8, 9):
        log.backup("disk", f"2026-03-{day:02} 03:00")
    row = log.open().row("missed_backups")
    assert (row["slot_at"], row["is_policy_silent"]) == (at("2026-03-05 03:00"), True)


def test_misses_from_before_a_policy_moved_stay_seen() -> None:
    log = SmallLog("2026-03-10 00:00")
    for day in range(14):
        if day != 10:
            log.backup("disk", FIRST + timedelta(days=day))
    log.daily("disk", "2026-03-02 03:00", 8)
    row = log.open().row("missed_backups")
    assert row["slot_at"] == FIRST + timedelta(days=10)


def test_one_late_run_is_no_slot_of_its_own() -> None:
    log = SmallLog("2026-03-10 00:00")
    for day in range(22):
        log.backup("disk", FIRST + timedelta(days=day, minutes=20 if day in (15, 18) else 0))
    assert log.open().rows("missed_backups") == []


def test_a_start_delay_is_as_long_as_the_run_takes_to_create_its_tasks() -> None:
    rows = slow_vault(6).open().rows("start_delay", order="local_hour")
    # The last of 16 tasks is created three hours after the first.
    assert [row["local_hour"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["delay_p50_seconds"] == 3 * 3600
    assert rows[0]["delay_p50_seconds"] == 24 * 60


def test_a_run_that_starts_late_is_delayed_from_its_slot_on() -> None:
    log = SmallLog("2026-03-10 00:00", AnalyticsSettings(lookback=timedelta(days=1)))
    log.daily("disk", FIRST, 21)
    log.backup("disk", "2026-03-09 01:40")
    row = log.open().row("start_delay")
    assert row["delay_p50_seconds"] == 40 * 60
