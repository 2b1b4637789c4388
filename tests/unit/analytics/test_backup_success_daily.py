"""Backup success by backup day: what counts, what stands beside, and which day it belongs to."""

from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.random_log import SETTINGS, WATERMARK, random_log
from support.small_log import SmallLog, at

VIEW = "backup_success_daily"


def day(log: SmallLog, backup_day: str) -> dict[str, Any]:
    return log.open().row(VIEW, f"backup_day = '{backup_day}'")


def told(row: dict[str, Any], *columns: str) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns)


def test_every_verdict_is_counted_once_and_only_verdicts_are_divided() -> None:
    log = SmallLog()
    log.backup("rescued", "2026-03-05 01:00", status="failed")
    log.backup("rescued", "2026-03-05 09:00", policy_id=None)
    log.backup("good", "2026-03-05 01:00")
    log.backup("good", "2026-03-05 13:00", status="failed")
    log.backup("bad", "2026-03-05 01:00", status="failed")
    log.backup("late", "2026-03-05 01:00", status="timeout")
    log.backup("skipped", "2026-03-05 01:00", status="skipped")
    log.backup("pending", "2026-03-05 01:00", status="failed")
    log.backup("pending", "2026-03-05 02:00", status="running")
    log.backup("odd", "2026-03-05 01:00", status="confused")
    row = day(log, "2026-03-04")
    assert told(row, "windows", "protected", "failed", "skipped", "pending", "unknown") == (7, 2, 2, 1, 1, 1)
    assert row["final_success_rate"] == 2 / 5
    assert told(row, "first_ok", "first_verdicts", "first_attempt_success_rate") == (1, 5, 1 / 5)
    assert told(row, "failed_first", "failed_first_pending", "rescued", "rescue_rate") == (4, 1, 1, 1 / 3)
    assert told(row, "attempts", "attempts_ok", "attempts_failed") == (10, 2, 5)
    assert told(row, "attempts_open", "attempts_skipped", "attempts_unknown") == (1, 1, 1)
    assert row["attempt_success_rate"] == 2 / 7


def test_retries_never_lift_a_rate_above_one() -> None:
    log = SmallLog()
    for hour in range(5):
        log.backup("disk", f"2026-03-05 0{hour}:00")
    row = day(log, "2026-03-04")
    assert told(row, "windows", "protected", "final_success_rate", "attempts") == (1, 1, 1.0, 5)


def test_a_day_that_is_not_over_has_counts_but_no_rates() -> None:
    log = SmallLog("2026-03-05 17:59")
    log.backup("disk", "2026-03-05 01:00")
    row = day(log, "2026-03-04")
    assert told(row, "is_closed", "protected", "attempts_ok") == (False, 1, 1)
    rates = [name for name in row if name.endswith("_rate")]
    assert [row[name] for name in rates] == [None] * 5


def test_a_day_is_closed_from_the_moment_it_ends() -> None:
    log = SmallLog("2026-03-05 18:00")
    log.backup("disk", "2026-03-05 01:00")
    assert told(day(log, "2026-03-04"), "is_closed", "final_success_rate") == (True, 1.0)


def test_a_running_task_of_a_closed_day_is_in_no_denominator() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-05 01:00", status="running")
    row = day(log, "2026-03-04")
    assert told(row, "is_closed", "windows", "pending", "final_success_rate") == (True, 1, 1, None)


def test_a_backup_over_the_anchor_stays_with_the_day_it_was_created_in() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-05 17:59", minutes=600)
    assert day(log, "2026-03-04")["protected"] == 1
    assert day(log, "2026-03-05")["windows"] == 0


def test_days_without_a_task_are_there_with_zeros() -> None:
    log = SmallLog("2026-03-08 00:00")
    log.backup("disk", "2026-03-03 01:00")
    log.backup("disk", "2026-03-05 01:00")
    rows = log.open().rows(VIEW, order="backup_day")
    assert [row["backup_day"].day for row in rows] == [2, 3, 4, 5, 6, 7]
    assert [row["windows"] for row in rows] == [1, 0, 1, 0, 0, 0]
    assert rows[1]["final_success_rate"] is None


def test_the_day_goes_by_the_local_clock_and_is_short_when_summer_time_begins() -> None:
    settings = AnalyticsSettings(timezone="Europe/Berlin", day_anchor=time(0))
    log = SmallLog("2026-04-02 00:00", settings)
    log.backup("disk", "2026-03-28 23:30")
    log.backup("disk", "2026-03-29 21:59")
    row = day(log, "2026-03-29")
    assert told(row, "windows", "attempts") == (1, 2)
    assert told(row, "starts_at", "ends_at") == (at("2026-03-28 23:00"), at("2026-03-29 22:00"))


def test_the_anchor_decides_what_is_a_rescue() -> None:
    def rescued(anchor: time) -> int:
        log = SmallLog(settings=AnalyticsSettings(day_anchor=anchor))
        log.backup("disk", "2026-03-04 23:00", status="failed")
        log.backup("disk", "2026-03-05 09:00", policy_id=None)
        return sum(row["rescued"] for row in log.open().rows(VIEW))

    assert rescued(time(18)) == 1
    assert rescued(time(0)) == 0


def test_a_day_is_complete_when_every_utc_day_it_touches_is_proved() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-04 01:00")
    log.backup("disk", "2026-03-08 01:00")
    log.cover("2026-03-03", "2026-03-04", "2026-03-05", "2026-03-07")
    log.cover("2026-03-06", state="lost").cover("2026-03-08", state="unverified")
    complete = {row["backup_day"].day for row in log.open().rows(VIEW) if row["is_complete"]}
    assert complete == {3, 4}


def test_other_tasks_and_tasks_without_a_resource_make_no_window() -> None:
    log = SmallLog()
    made = log.backup("disk", "2026-03-05 01:00")
    log.copy(made, "2026-03-05 02:00", resource="disk", status="failed")
    log.restore(made, "2026-03-05 03:00", resource="disk", status="failed")
    log.backup(None, "2026-03-05 01:00", status="failed")
    assert told(day(log, "2026-03-04"), "windows", "attempts", "final_success_rate") == (1, 1, 1.0)


def test_removed_resources_keep_their_past() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-05 01:00", status="failed")
    log.backup("kept", "2026-03-05 01:00")
    log.remove(["disk", "other"], "2026-03-06 00:00")
    assert told(day(log, "2026-03-04"), "windows", "final_success_rate") == (2, 0.5)


def test_one_resource_with_a_thousand_failures_is_one_window() -> None:
    log = SmallLog()
    for second in range(1000):
        log.backup("disk", at("2026-03-05 01:00") + timedelta(seconds=second), status="failed")
    row = day(log, "2026-03-04")
    assert told(row, "windows", "failed", "attempts_failed", "final_success_rate") == (1, 1, 1000, 0.0)


def test_sources_stand_apart() -> None:
    log = SmallLog().load("2026-03-10 00:00", source="other")
    log.backup("disk", "2026-03-05 01:00")
    log.backup("disk", "2026-03-05 01:00", source="other", status="failed")
    rows = log.open().rows(VIEW, "backup_day = '2026-03-04'", "source")
    assert [(row["source"], row["final_success_rate"]) for row in rows] == [("main", 1.0), ("other", 0.0)]


@pytest.mark.parametrize("seed", range(3))
def test_plain_python_counts_the_same(seed: int) -> None:
    log = random_log(seed).log
    for row in log.open().rows(VIEW):
        expected = _counted(log)[row["backup_day"]]
        assert {name: row[name] for name in expected} == expected, row
        assert row["windows"] == sum(row[name] for name in VERDICTS)
        closed = row["ends_at"] <= WATERMARK
        verdicts = expected["protected"] + expected["failed"] + expected["skipped"]
        rate = expected["protected"] / verdicts if closed and verdicts else None
        assert row["final_success_rate"] == rate


VERDICTS = ("protected", "pending", "failed", "skipped", "unknown")
ORDER = {"success": 0, "running": 1, "waiting": 1, "failed": 2, "timeout": 2, "skipped": 3}


def _counted(log: SmallLog) -> dict[date, Counter[str]]:
    named = {row["task_id"]: row["resource_id"] for row in log.tables["resources"] if row["role"] == "target"}
    windows: dict[tuple[date, str], list[tuple[datetime, str]]] = defaultdict(list)
    for task in log.tables["tasks"]:
        if task["operation_type"] == "backup":
            local = task["created_at"].astimezone(ZoneInfo(SETTINGS.timezone))
            backup_day = local.date() if local.time() >= SETTINGS.day_anchor else local.date() - timedelta(1)
            windows[backup_day, named[task["task_id"]]].append((task["created_at"], task["status"]))
    counted: dict[date, Counter[str]] = defaultdict(lambda: Counter(dict.fromkeys(VERDICTS, 0)))
    for (backup_day, _), tries in windows.items():
        statuses = [status for _, status in sorted(tries)]
        verdict = VERDICTS[min(ORDER.get(status, 4) for status in statuses)]
        first = next((status for status in statuses if status in ("success", "failed", "timeout")), None)
        counted[backup_day][verdict] += 1
        counted[backup_day]["first_ok"] += first == "success"
        counted[backup_day]["failed_first"] += first in ("failed", "timeout")
        counted[backup_day]["rescued"] += first in ("failed", "timeout") and verdict == "protected"
        counted[backup_day]["attempts"] += len(statuses)
    return counted


@pytest.mark.fault("few or small cases")
def test_one_success_of_an_hourly_policy_protects_the_day_and_is_marked() -> None:
    log = SmallLog("2026-03-06 00:00")
    for hour in range(24):
        moment = at("2026-03-04 18:00") + timedelta(hours=hour)
        log.backup("disk", moment, status="success" if hour == 5 else "failed")
    log.backup("once", "2026-03-04 19:00", status="failed")
    log.backup("once", "2026-03-04 20:00", policy_id=None)
    row = day(log, "2026-03-04")
    assert told(row, "final_success_rate", "protected_in_part") == (1, 1)
    assert told(row, "scheduled_ok", "scheduled_ended") == (1, 25)
    assert row["scheduled_success_rate"] == 1 / 25
