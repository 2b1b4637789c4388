"""Backups that took far longer than their resource's usually do."""

from collections.abc import Sequence
from datetime import timedelta
from math import log as ln
from random import Random
from statistics import median
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at

FIRST = at("2026-02-16 01:00")


def run(log: SmallLog, minutes: Sequence[float], resource: str = "disk", **columns: Any) -> list[str]:
    """Daily backups that take these times, one after the other."""
    begin = FIRST + timedelta(hours=len(log.tables.get("tasks", ())) % 3)
    return [
        log.backup(resource, begin + timedelta(days=day), minutes=took, **columns)
        for day, took in enumerate(minutes)
    ]


def found(log: SmallLog) -> list[str]:
    return [row["task_id"] for row in log.open().rows("long_running", order="created_at")]


def test_one_slow_run_after_ten_even_ones_is_found_with_its_baseline() -> None:
    log = SmallLog()
    tasks = run(log, [10] * 10 + [30])
    row = log.open().row("long_running")
    assert (row["task_id"], row["duration_seconds"], row["baseline_n"]) == (tasks[10], 1800, 10)
    assert (row["baseline_median_seconds"], row["times_median"]) == (600, 3)
    assert row["z"] == pytest.approx(ln(3) / ln(1.05))


def test_nine_before_are_too_few_to_judge() -> None:
    log = SmallLog()
    run(log, [10] * 9 + [300])
    assert found(log) == []


@pytest.mark.parametrize(
    ("usual", "slow"),
    [(1, 10.9), (20, 40), (600, 1190)],
    ids=["under ten minutes more", "twice", "under twice"],
)
def test_little_more_is_not_long(usual: float, slow: float) -> None:
    log = SmallLog()
    run(log, [usual] * 12 + [slow])
    assert found(log) == []


def test_a_resource_whose_runs_vary_widely_is_not_anomalous() -> None:
    log = SmallLog()
    run(log, [5, 40, 8, 60, 5, 45, 9, 70, 6, 50, 7, 65, 120])
    assert found(log) == []


def test_the_threshold_is_a_setting() -> None:
    log = SmallLog(settings=AnalyticsSettings(anomaly_z=23))
    run(log, [10] * 10 + [30])
    assert found(log) == []


def test_full_and_incremental_backups_have_baselines_of_their_own() -> None:
    log = SmallLog()
    run(log, [10] * 12)
    log.backup("disk", "2026-03-08 01:00", minutes=200, full=True)
    assert found(log) == []


def test_resources_have_baselines_of_their_own() -> None:
    log = SmallLog()
    run(log, [10] * 12)
    run(log, [100] * 12, resource="large")
    assert found(log) == []


def test_a_slow_run_is_not_in_its_own_baseline_and_a_new_normal_is_learnt() -> None:
    log = SmallLog("2026-04-10 00:00", AnalyticsSettings(lookback=timedelta(days=90)))
    tasks = run(log, [10] * 12 + [60] * 30)
    # Until half of the 28 before are slow ones.
    assert found(log) == tasks[12:24]


def test_failed_and_open_tasks_are_neither_judged_nor_a_baseline() -> None:
    log = SmallLog()
    run(log, [300] * 10, status="failed")
    run(log, [10] * 10)
    log.backup("disk", "2026-03-08 01:00", minutes=300, status="timeout")
    log.backup("disk", "2026-03-08 02:00", status="running")
    assert found(log) == []


def test_only_the_lookback_is_judged_against_all_before() -> None:
    log = SmallLog("2026-03-10 00:00", AnalyticsSettings(lookback=timedelta(days=5)))
    tasks = run(log, [10] * 10 + [60, 10, 10, 10, 10, 10, 10, 10, 60, 10])
    assert found(log) == [tasks[18]]


def test_a_backup_of_no_length_can_be_in_a_baseline() -> None:
    log = SmallLog()
    tasks = run(log, [0] * 12 + [30])
    assert found(log) == [tasks[12]]


@pytest.mark.parametrize("seed", range(2))
def test_plain_python_finds_the_same(seed: int) -> None:
    random = Random(seed)
    log = SmallLog("2026-04-10 00:00", AnalyticsSettings(lookback=timedelta(days=90)))
    expected = []
    for number in range(6):
        spread = random.choice((0.05, 0.2, 0.6))
        minutes = [
            12 * random.lognormvariate(0, spread) * (random.choice((1, 1, 1, 1, 1, 1, 4, 10)))
            for _ in range(50)
        ]
        tasks = run(log, minutes, resource=f"disk-{number}")
        expected += [task for place, task in enumerate(tasks) if _is_long(minutes, place)]
    assert sorted(found(log)) == sorted(expected)
    assert len(expected) > 10


def _is_long(minutes: Sequence[float], place: int) -> bool:
    before = [max(1, took * 60) for took in minutes[max(0, place - 28) : place]]
    if len(before) < 10:
        return False
    took, usual = minutes[place] * 60, median(before)
    logs = [ln(one) for one in before]
    spread = 1.4826 * median(abs(one - median(logs)) for one in logs)
    z = (ln(took) - median(logs)) / max(spread, ln(1.05))
    return z > 5 and took > 2 * usual and took - usual > 600
