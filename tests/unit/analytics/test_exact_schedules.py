"""Schedules of the policies in the inventory, where those of the log are inferred."""

from datetime import timedelta
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride
from support.small_inventory import SmallInventory
from support.small_log import SmallLog, at

DAILY = "FREQ=DAILY;INTERVAL=1;BYHOUR=1;BYMINUTE=0"
TWICE = "FREQ=DAILY;INTERVAL=1;BYHOUR=1,13;BYMINUTE=0"
SEEN = "2026-03-20 02:00"
SETTINGS = AnalyticsSettings(schedules=(ScheduleOverride(timedelta(hours=30), vault_id="own"),))


def log_of(*resources: str, until: str = "2026-03-30 00:00", **columns: Any) -> SmallLog:
    """Daily backups at 01:05 from the first of March to the watermark."""
    log = SmallLog(until, SETTINGS)
    days = (at(until) - at("2026-03-01 00:00")).days
    for name in resources:
        log.daily(name, "2026-03-01 01:05", days, policy_id="nightly", vault_id="gold", **columns)
    return log


def intervals(log: SmallLog) -> dict[str, tuple[str, timedelta]]:
    return {
        row["resource_id"]: (row["schedule_basis"], row["backup_interval"])
        for row in log.open().rows("resource")
    }


def missed(log: SmallLog) -> list[tuple[str, str]]:
    rows = log.open().rows("missed_backups")
    return sorted((f"{row['slot_at']:%m-%d %H:%M}", row["basis"]) for row in rows)


def test_the_policy_of_the_vault_decides_where_nothing_is_configured() -> None:
    log = log_of("in", "left-out", "in-none", "asleep", "odd", "twice")
    log.daily("own", "2026-03-01 01:05", 29, policy_id="nightly", vault_id="own")
    inventory = SmallInventory(log, SEEN)
    inventory.policy("nightly", TWICE)
    inventory.policy("weekly", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=1")
    inventory.policy("off", TWICE, enabled=False)
    inventory.policy("strange", "FREQ=MONTHLY;BYHOUR=6")
    inventory.policy("copies", "FREQ=DAILY;BYHOUR=0,4,8,12,16,20", operation_type="replication")
    vaults = {"gold": "nightly", "own": "nightly", "silver": "weekly", "off": "off", "odd": "strange"}
    for vault, policy in vaults.items():
        inventory.vault(vault, policy=policy)
    inventory.link("copies", "gold")
    inventory.member("gold", "left-out", auto_protect=False)
    for vault, name in (
        ("gold", "in"),
        ("own", "own"),
        ("off", "asleep"),
        ("odd", "odd"),
        ("silver", "twice"),
    ):
        inventory.member(vault, name)
    inventory.member("gold", "twice")
    day, half = timedelta(days=1), timedelta(hours=12)
    assert intervals(log) == {
        "in": ("policy", half),
        "in-none": ("policy", half),  # the policy that backed it up last
        "twice": ("policy", half),  # in two vaults: the more frequent one
        "left-out": ("inferred", day),
        "asleep": ("inferred", day),
        "odd": ("inferred", day),
        "own": ("configured", timedelta(hours=30)),
    }


def test_rpo_and_differences_follow_the_policy() -> None:
    log = log_of("disk")
    inventory = SmallInventory(log, SEEN)
    inventory.policy("nightly", TWICE)
    inventory.vault("gold", policy="nightly")
    inventory.member("gold", "disk")
    inventory.member("gold", "never-logged", first_seen_at="2026-03-29 08:00")
    estate = log.open()
    protection = estate.row("resource_protection")
    assert (protection["bucket"], protection["rpo_hours"]) == ("within_2x_rpo", 14)
    assert estate.row("unprotected_resources")["resource_id"] == "never-logged"  # in its vault for 16 h
    (row,) = estate.rows("schedule_differences", "difference = 'interval'")
    assert (row["exact_interval"], row["inferred_interval"]) == (timedelta(hours=12), timedelta(hours=24))
    assert row["meaning"].endswith("RPO is judged by 12.0 h")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_planned_backups_are_missed_from_the_first_snapshot_on(zone: str) -> None:
    """The log shows one backup a night, and the rules plan a second one; summer time begins in between."""
    log = log_of("disk")
    log.settings = AnalyticsSettings(timezone=zone)
    inventory = SmallInventory(log, "2026-03-26 02:00")
    inventory.policy("nightly", TWICE)
    assert missed(log) == [(f"03-{day} 13:00", "policy") for day in (26, 27, 28, 29)]


def test_a_start_between_quarters_of_an_hour_is_met_and_a_missing_night_is_missed() -> None:
    log = log_of("disk", until="2026-03-27 00:00")
    log.settings = AnalyticsSettings()
    inventory = SmallInventory(log, "2026-03-20 02:00")
    inventory.policy("nightly", "FREQ=DAILY;BYHOUR=1;BYMINUTE=5")
    log.tables["tasks"] = [row for row in log.tables["tasks"] if row["created_at"] != at("2026-03-24 01:05")]
    assert missed(log) == [("03-24 01:05", "policy")]


def test_a_disabled_policy_misses_nothing_and_an_edited_one_what_it_planned_at_the_time() -> None:
    """Between the two snapshots nobody knows which rules there were."""
    log = log_of("disk", until="2026-03-15 12:00")
    log.load("2026-03-25 12:00")
    inventory = SmallInventory(log, "2026-03-25 02:00")
    early = {"first_seen_at": at("2026-03-16 02:00"), "last_seen_at": at("2026-03-18 02:00")}
    inventory.policy("nightly", DAILY, version=1, is_current=False, **early)
    first = {"version": 2, "is_current": False, "enabled": False}
    early = {"first_seen_at": at("2026-03-19 02:00"), "last_seen_at": at("2026-03-21 02:00")}
    inventory.policy("nightly", DAILY, **first, **early)
    inventory.policy("nightly", TWICE, version=3, first_seen_at=at("2026-03-22 02:00"))
    expected = [("03-15 01:00", "inferred"), ("03-16 01:00", "inferred")]
    expected += [("03-17 01:00", "policy"), ("03-18 01:00", "policy"), ("03-22 13:00", "policy")]
    expected += [(f"03-{day} {hour}:00", "policy") for day in (23, 24) for hour in ("01", "13")]
    assert missed(log) == [*expected, ("03-25 01:00", "policy")]


def test_rules_that_do_not_run_each_week_leave_missed_backups_to_the_log() -> None:
    log = log_of("disk", until="2026-03-24 12:00")
    log.load("2026-03-26 12:00")
    inventory = SmallInventory(log, SEEN)
    inventory.policy("nightly", "FREQ=DAILY;INTERVAL=2;BYHOUR=1")
    assert missed(log) == [(f"03-{day} 01:00", "inferred") for day in (24, 25, 26)]
    assert intervals(log) == {"disk": ("policy", timedelta(hours=48))}
