"""How long tasks take: percentiles, and backups that take longer than the time between them."""

from datetime import timedelta
from statistics import mean
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride
from support.small_log import VAULT, SmallLog, at

HOURLY = AnalyticsSettings(schedules=(ScheduleOverride(timedelta(hours=1), vault_id=VAULT),))


def duration(log: SmallLog, where: str = "true") -> dict[str, Any]:
    return log.open().row("job_duration", where)


def test_percentiles_interpolate_between_tasks() -> None:
    log = SmallLog(settings=HOURLY)
    minutes = [1, 2, 3, 4, 110]
    for hour, took in enumerate(minutes):
        log.backup("disk", f"2026-03-05 0{hour}:00", minutes=took)
    row = duration(log)
    assert (row["n"], row["p50_seconds"], row["max_seconds"]) == (5, 180, 6600)
    assert row["p95_seconds"] == pytest.approx(240 + 0.8 * 6360)
    assert row["p99_seconds"] == pytest.approx(240 + 0.96 * 6360)
    assert (row["mean_seconds"], row["total_seconds"]) == (mean(minutes) * 60, 7200)
    assert (row["overruns"], row["overrun_rate"]) == (1, 0.2)


def test_failures_kinds_and_types_stand_apart() -> None:
    log = SmallLog()
    made = log.backup("disk", "2026-03-05 01:00", minutes=60, full=True)
    log.backup("disk", "2026-03-06 01:00", minutes=5)
    log.backup("disk", "2026-03-07 01:00", minutes=1440, status="timeout")
    log.backup("share", "2026-03-07 01:00", minutes=7, resource_type="OS::Sfs::Turbo")
    log.backup("odd", "2026-03-07 01:00", minutes=8, resource_type=None)
    log.copy(made, "2026-03-05 03:00", minutes=90, resource="disk")
    rows = log.open().rows("job_duration")
    found = {
        (row["operation_type"], row["resource_type"], row["is_full"], row["outcome"]): row["p50_seconds"] / 60
        for row in rows
    }
    assert found == {
        ("backup", "OS::Nova::Server", True, "ok"): 60,
        ("backup", "OS::Nova::Server", False, "ok"): 5,
        ("backup", "OS::Nova::Server", False, "fail"): 1440,
        ("backup", "OS::Sfs::Turbo", False, "ok"): 7,
        ("backup", "(unknown)", False, "ok"): 8,
        ("replication", "OS::Nova::Server", None, "ok"): 90,
    }
    assert {row["overruns"] for row in rows if row["operation_type"] == "replication"} == {None}


def test_tasks_without_a_duration_are_left_out() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-05 01:00", status="running")
    log.backup("disk", "2026-03-05 02:00", status="skipped", minutes=3)
    log.backup("disk", "2026-03-05 03:00", ended_at=at("2026-03-05 02:59"))
    log.backup("disk", "2026-03-05 04:00", ended_at=None)
    assert log.open().rows("job_duration") == []


def test_only_the_lookback_counts() -> None:
    log = SmallLog("2026-03-10 00:00", AnalyticsSettings(lookback=timedelta(days=1)))
    log.backup("disk", "2026-03-08 23:59", minutes=1)
    log.backup("disk", "2026-03-09 00:00", minutes=2)
    assert (duration(log)["n"], duration(log)["max_seconds"]) == (1, 120)
