"""What raises each alarm, when, and what only looks like it."""

from datetime import date, time, timedelta
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at

FIRST = at("2026-01-10 01:00")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def daily(log: SmallLog, resource: str, days: range, hour: int = 1, **columns: Any) -> None:
    for day in days:
        log.backup(resource, FIRST + day * DAY + (hour - 1) * HOUR, **columns)


def moments(log: SmallLog, view: str, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns) for row in log.open().rows(view, order="raised_at")]


# backups_stopped


def test_backups_stopped_once_three_usual_waits_and_the_grace_have_passed() -> None:
    log = SmallLog("2026-01-23 02:59")
    daily(log, "web", range(11))
    assert log.open().rows("backups_stopped") == []
    log = SmallLog("2026-01-23 03:01")
    daily(log, "web", range(11))
    daily(log, "db", range(14))
    (row,) = log.open().rows("backups_stopped")
    assert (row["resource_ids"], row["is_whole_schedule"], row["resumed_at"]) == (["web"], False, None)
    assert (row["last_run_at"], row["raised_at"]) == (FIRST + 10 * DAY, FIRST + 13 * DAY + 2 * HOUR)


def test_a_policy_that_stopped_and_resumed_is_one_alarm_of_all_its_resources() -> None:
    log = SmallLog("2026-02-10 00:00")
    for name in ("web", "db"):
        daily(log, name, (range(10)))
        daily(log, name, range(16, 30))
    (row,) = log.open().rows("backups_stopped")
    assert (row["resources"], row["is_whole_schedule"]) == (2, True)
    assert row["resumed_at"] == FIRST + 16 * DAY


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_backups_that_fail_or_are_skipped_have_not_stopped(status: str) -> None:
    log = SmallLog("2026-02-09 00:00")
    daily(log, "web", range(10))
    daily(log, "web", range(10, 30), status=status)
    assert log.open().rows("backups_stopped") == []


def test_weekends_and_a_single_miss_are_no_stop() -> None:
    log = SmallLog("2026-02-09 00:00")
    for day in range(30):
        if (FIRST + day * DAY).weekday() < 5:
            log.backup("web", FIRST + day * DAY)
        if day != 20:
            log.backup("db", FIRST + day * DAY, policy_id="other")
    assert log.open().rows("backups_stopped") == []


def test_a_resource_removed_or_moved_has_not_stopped() -> None:
    log = SmallLog("2026-02-09 00:00")
    daily(log, "removed", range(10))
    log.remove(["removed"], FIRST + 9 * DAY + 12 * HOUR)
    daily(log, "moved", range(10))
    daily(log, "moved", range(10, 30), hour=4, policy_id="other", vault_id="vault-2")
    log.remove(["moved"], FIRST + 20 * DAY)
    assert log.open().rows("backups_stopped") == []


def test_days_never_loaded_do_not_stop_backups() -> None:
    log = SmallLog("2026-02-09 00:00")
    daily(log, "web", range(10))
    daily(log, "web", range(20, 30))
    lost = [str(date(2026, 1, 20) + number * DAY) for number in range(10)]
    log.cover(*lost, state="lost")
    assert log.open().rows("backups_stopped") == []


# retention_shortened


def kept(days: range, until: int, age: int, log: SmallLog, **columns: Any) -> None:
    """Daily backups of a server, each deleted by day when it is of an age in days, up to a day."""
    for day in days:
        made = log.backup("web", FIRST + day * DAY, **columns)
        if day + age <= until:
            log.delete(made, FIRST + (day + age) * DAY + 11 * HOUR, resource="web")


def test_a_shortened_retention_is_seen_on_the_second_day() -> None:
    log = SmallLog("2026-03-01 00:00")
    made = [log.backup("web", FIRST + day * DAY) for day in range(48)]
    for day, task_id in enumerate(made):
        gone = day + 14 if day + 14 < 30 else max(30, day + 7)
        if gone < 49:
            log.delete(task_id, FIRST + gone * DAY + 11 * HOUR, resource="web")
    (row,) = log.open().rows("retention_shortened")
    assert (row["began_at"], row["raised_at"]) == (FIRST + 30 * DAY + 11 * HOUR, FIRST + 31 * DAY + 11 * HOUR)
    assert row["deletions"] == 8
    assert (round(row["usual_age_days"]), round(row["age_days"])) == (14, 7)


def test_a_deletion_in_bulk_by_day_is_no_shortened_retention() -> None:
    log = SmallLog("2026-03-01 00:00")
    for name in ("web", "db"):
        made = [log.backup(name, FIRST + day * DAY) for day in range(48)]
        for day, task_id in enumerate(made):
            gone = 30 if 18 <= day < 26 else day + 14
            if gone < 49:
                log.delete(task_id, FIRST + gone * DAY + 11 * HOUR, resource=name)
    assert log.open().rows("retention_shortened") == []


def test_a_cut_smaller_than_the_setting_is_none() -> None:
    def cut(days: float) -> list[dict[str, Any]]:
        log = SmallLog("2026-03-01 00:00", AnalyticsSettings(retention_cut=timedelta(days=days)))
        kept(range(20), 34, 14, log)
        kept(range(20, 40), 48, 12, log)
        return log.open().rows("retention_shortened")

    assert (len(cut(1.5)), len(cut(2.5))) == (1, 0)


# policy_edited


def test_a_moved_hour_is_an_edit_seen_with_its_second_run() -> None:
    log = SmallLog("2026-02-09 00:00")
    daily(log, "web", range(15))
    daily(log, "web", range(15, 30), hour=5)
    (row,) = log.open().rows("policy_edited")
    assert (row["edited_by"], row["raised_at"]) == (
        FIRST + 15 * DAY,
        FIRST + 16 * DAY + 4 * HOUR,
    )
    assert (row["new_times"], row["old_times"]) == ([time(5)], [time(1)])
    assert (row["new_weekdays"], row["old_weekdays"]) == (None, None)


def test_runs_added_and_taken_away_are_edits() -> None:
    log = SmallLog("2026-03-01 00:00")
    daily(log, "web", range(48))
    daily(log, "web", range(15, 30), hour=13)
    rows = log.open().rows("policy_edited", order="edited_by")
    assert [(row["new_times"], row["old_times"]) for row in rows] == [([time(13)], None), (None, [time(13)])]
    assert rows[1]["raised_at"] == FIRST + 29 * DAY + 12 * HOUR + 4 * DAY


def test_another_day_of_the_week_is_an_edit() -> None:
    log = SmallLog("2026-03-08 00:00")
    for week in range(8):
        log.backup("web", FIRST + (7 * week + (3 if week > 3 else 0)) * DAY)
    (row,) = log.open().rows("policy_edited")
    assert (row["new_weekdays"], row["new_times"]) == ([2], None)


def test_a_clock_change_a_stop_and_a_late_run_are_no_edits() -> None:
    log = SmallLog("2026-04-30 00:00")
    summer = at("2026-03-29 01:00")
    for day in range(100):
        moment = FIRST + day * DAY
        log.backup("web", moment - HOUR if moment > summer else moment)
        if not 30 <= day < 45:
            late = 45 if day % 9 == 0 else 0
            log.backup("db", moment + timedelta(minutes=late), policy_id="other")
    assert log.open().rows("policy_edited") == []


def test_an_hour_moved_at_another_time_is_an_edit() -> None:
    log = SmallLog("2026-02-09 00:00")
    daily(log, "web", range(15))
    daily(log, "web", range(15, 30), hour=2)
    assert len(log.open().rows("policy_edited")) == 1


# duration_jump


def test_a_lasting_jump_is_one_alarm_and_a_later_one_another() -> None:
    log = SmallLog("2026-03-20 00:00")
    minutes = [10] * 20 + [60] * 3 + [10] * 20 + [60] + [10] * 5
    for day, took in enumerate(minutes):
        log.backup("web", FIRST + day * DAY, minutes=took)
    rows = log.open().rows("duration_jump", order="began_at")
    assert [(row["began_at"], row["outliers"]) for row in rows] == [
        (FIRST + 20 * DAY, 3),
        (FIRST + 43 * DAY, 1),
    ]
    assert rows[0]["raised_at"] == FIRST + 20 * DAY + HOUR
    assert rows[0]["times_median"] == 6


def test_every_long_running_backup_belongs_to_a_jump() -> None:
    log = SmallLog("2026-02-20 00:00")
    for day in range(40):
        log.backup("web", FIRST + day * DAY, minutes=10 + day % 3 + (40 if day in {25, 26, 38} else 0))
    analytics = log.open()
    long = {row["created_at"] for row in analytics.rows("long_running")}
    assert long == {FIRST + day * DAY for day in (25, 26, 38)}
    assert [row["outliers"] for row in analytics.rows("duration_jump", order="began_at")] == [2, 1]


# mass_deletion and strike


def test_two_nights_of_mass_deletions_are_two_alarms() -> None:
    log = SmallLog("2026-03-01 00:00")
    made = [log.backup(f"disk-{number}", FIRST + number * timedelta(seconds=1)) for number in range(50)]
    for number, task_id in enumerate(made):
        night = at("2026-02-03 03:00") + number // 25 * DAY
        log.delete(task_id, night + number % 25 * timedelta(minutes=1), resource=f"disk-{number}")
    assert moments(log, "mass_deletion", "deletions", "raised_at") == [
        (25, at("2026-02-03 03:19")),
        (25, at("2026-02-04 03:19")),
    ]


def test_a_strike_is_raised_with_the_third_failure_and_stays_after_recovery() -> None:
    log = SmallLog("2026-03-01 00:00")
    for day in range(20):
        log.backup("web", FIRST + day * DAY, status="failed" if day in {3, 4, 8, 9, 10, 11} else "success")
    assert moments(log, "strike", "resource_id", "failures", "raised_at", "ended_by") == [
        ("web", 4, FIRST + 10 * DAY, "recovery")
    ]


# all of them


def test_alarms_older_than_the_window_are_left_out() -> None:
    def names(days: int) -> list[str]:
        log = SmallLog("2026-03-01 00:00", AnalyticsSettings(signal_window=timedelta(days=days)))
        daily(log, "web", range(10))
        daily(log, "web", range(20, 49), hour=8)
        daily(log, "db", range(3), policy_id="other", status="failed")
        daily(log, "db", range(3, 49), policy_id="other")
        return [row["alarm"] for row in log.open().rows("alarm", order="alarm")]

    assert names(90) == ["backups_stopped", "strike"]
    assert names(40) == ["backups_stopped"]
    assert names(20) == []


def test_a_healthy_log_raises_no_alarm() -> None:
    log = SmallLog("2026-03-01 00:00")
    kept(range(48), 48, 14, log)
    daily(log, "db", range(48), hour=3, policy_id="other")
    assert log.open().rows("alarm") == []


def test_without_a_finished_load_there_is_no_alarm() -> None:
    log = SmallLog(None)
    daily(log, "web", range(10), status="failed")
    assert log.open().rows("alarm") == []
