"""Constants of definitions that are settings: each moves what the views say, and only with its own value."""

import re
from datetime import timedelta

import pytest

from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.settings.analytics import THRESHOLDS, AnalyticsSettings
from support.small_log import SmallLog, at


@pytest.mark.parametrize(("minutes", "runs"), [(19, 3), (20, 1), (30, 1)])
def test_tasks_further_apart_than_the_run_gap_are_different_runs(minutes: int, runs: int) -> None:
    log = SmallLog(settings=AnalyticsSettings(run_gap=timedelta(minutes=minutes)))
    for number in range(3):
        log.backup(f"disk-{number}", at("2026-03-09 01:00") + timedelta(minutes=20 * number))
    assert len(log.open().rows("schedule_run")) == runs


@pytest.mark.parametrize(("minutes", "is_expected"), [(10, True), (30, False)])
def test_a_run_goes_on_for_the_run_gap_after_its_last_task(minutes: int, *, is_expected: bool) -> None:
    settings = AnalyticsSettings(run_gap=timedelta(minutes=minutes))
    log = SmallLog("2026-03-09 02:20", settings)
    for resource in ("disk-1", "disk-2"):
        log.daily(resource, "2026-02-16 01:00", 21)
    for number in range(
        8
    ):  # the last run creates a task every ten minutes, and has not come to the second disk
        log.backup("disk-1", at("2026-03-09 00:55") + timedelta(minutes=10 * number + 5), checkpoint_id="run")
    missed = [row["resource_id"] for row in log.open().rows("missed_backups")]
    assert missed == (["disk-2"] if is_expected else [])


@pytest.mark.parametrize(("days", "hours"), [(35, {1, 5}), (10, {5})])
def test_a_schedule_is_known_by_the_runs_of_its_window(days: int, hours: set[int]) -> None:
    log = SmallLog("2026-03-10 00:00", AnalyticsSettings(schedule_window=timedelta(days=days)))
    log.daily("disk", "2026-02-05 01:00", 20).extend(log.daily("disk", "2026-02-25 05:00", 13))
    assert {row["time_of_day"].hour for row in log.open().rows("schedule_slot")} == hours


@pytest.mark.parametrize(("threshold", "is_mass"), [(5, True), (7, True), (8, False)])
def test_a_mass_delete_begins_at_its_threshold(threshold: int, *, is_mass: bool) -> None:
    log = SmallLog(settings=AnalyticsSettings(mass_delete=threshold))
    for number in range(7):
        made = log.backup(f"disk-{number}", "2026-03-01 01:00", policy_id=None)
        log.delete(made, at("2026-03-05 12:00") + timedelta(minutes=number))
    assert {row["is_mass_delete"] for row in log.open().rows("deletion_audit")} == {is_mass}


@pytest.mark.parametrize(
    ("begin", "end", "nights"),
    [
        (8, 20, {"07:59", "20:00", "23:30"}),
        (6, 23, {"23:30"}),
        (20, 8, {"08:00", "19:59"}),
        (0, 24, set()),
    ],
)
def test_night_is_when_the_service_does_not_expire(begin: int, end: int, nights: set[str]) -> None:
    hours = {"expiry_from": timedelta(hours=begin), "expiry_until": timedelta(hours=end)}
    log = SmallLog(settings=AnalyticsSettings(**hours))
    deleted = {}
    for number, clock in enumerate(("07:59", "08:00", "19:59", "20:00", "23:30")):
        made = log.backup("disk", at("2026-02-01 01:00") + timedelta(days=number))
        deleted[log.delete(made, f"2026-03-05 {clock}")] = clock
    rows = log.open().rows("deletion_class", "class = 'night'")
    assert {deleted[row["task_id"]] for row in rows} == nights


def test_every_setting_that_a_definition_reads_is_in_its_header() -> None:
    """A reader of a definition must see on which settings its numbers depend."""
    for one in (*base_tables(), *views()):
        body = re.sub(r"--.*", "", one.body)
        if "analytics.settings" not in body:
            continue
        read = {name for name in THRESHOLDS if re.search(rf"\b{name}\b", body)}
        assert {name for name in read if name not in one.parts["Settings"]} == set(), one.name
