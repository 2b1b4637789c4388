"""Time zone and day anchor of each source: what is day in one place is night in another."""

from datetime import date, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings, SourceClock
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("time zones of sources")

SETTINGS = AnalyticsSettings(
    timezone="Europe/Berlin",
    clocks=(SourceClock("cn", "Asia/Shanghai", time(12)), SourceClock("us", None, time(0))),
)


def worldwide() -> SmallLog:
    """The same nights in three sources: each backs up at 20:00 UTC and deletes a week later at 02:00 UTC."""
    log = SmallLog("2026-03-10 00:00", SETTINGS)
    for source in ("cn", "us", "de"):
        log.load("2026-03-10 00:00", source=source)
        log.daily("disk", "2026-02-16 20:00", 22, source=source)
        for task in [row for row in log.tables["tasks"] if row["source"] == source][:14]:
            log.delete(task["task_id"], task["created_at"] + timedelta(days=7, hours=6), source=source)
    return log


def test_ordinary_retention_is_judged_by_the_clock_of_its_source() -> None:
    rows = worldwide().open().rows("deletion_audit")
    # 02:00 UTC is 10:00 in Shanghai and 03:00 in Berlin.
    classes = {(row["source"], row["class"]) for row in rows}
    assert classes == {("cn", "retention"), ("us", "night"), ("de", "night")}


def test_backup_days_begin_at_the_anchor_of_their_source() -> None:
    found = worldwide().open()
    first = {
        row["source"]: (row["backup_day"], row["ends_at"])
        for row in found.rows("resource_day", order="backup_day DESC")
    }
    # 20:00 UTC on the 16th is 04:00 on the 17th in Shanghai, where a backup day begins at noon.
    assert first == {
        "cn": (date(2026, 2, 16), at("2026-02-17 04:00")),
        "us": (date(2026, 2, 16), at("2026-02-16 23:00")),
        "de": (date(2026, 2, 16), at("2026-02-17 17:00")),
    }
    hours = {
        row["source"]: row["local_hour"] for row in found.rows("start_delay", "operation_type = 'backup'")
    }
    assert hours == {"cn": 4, "us": 21, "de": 21}
    slots = {(row["source"], f"{row['time_of_day']}") for row in found.rows("schedule_slot")}
    assert slots == {("cn", "04:00:00"), ("us", "21:00:00"), ("de", "21:00:00")}
    assert found.rows("missed_backups") == []


def test_each_source_is_compared_over_its_own_week() -> None:
    rows = worldwide().open().rows("definition_comparator", "whose = 'AWS-like'")
    assert {row["source"]: row["window_to"] for row in rows} == {
        "cn": at("2026-03-09 04:00"),
        "us": at("2026-03-09 23:00"),
        "de": at("2026-03-09 17:00"),
    }


def test_the_regions_are_lost_at_the_end_of_their_own_days() -> None:
    rows = worldwide().open().rows("region_loss", "destination_region IS NULL", order="lost_at")
    assert {row["source"]: f"{row['lost_at']:%H:%M}" for row in rows} == {
        "cn": "04:00",
        "us": "23:00",
        "de": "17:00",
    }


CHANGES = {
    "Europe/Berlin": ("2026-03-29 01:00", "2025-10-26 01:00"),
    "America/St_Johns": ("2010-03-14 03:31", "2010-11-07 02:31"),
    "Australia/Lord_Howe": ("2025-10-04 15:30", "2025-04-05 15:00"),
    "Pacific/Chatham": ("2025-09-27 14:00", "2025-04-05 14:00"),
    "Asia/Kathmandu": ("2026-01-01 00:00",),
    "Pacific/Apia": ("2011-12-30 10:00",),
    "UTC": ("2026-01-01 00:00",),
}
"""Zones, with when their clocks are changed: by half an hour, by a day, and one minute past an hour."""

AROUND = (-1500, -61, -60, -31, -1, 0, 1, 29, 30, 59, 60, 61, 1500)
"""Minutes before and after such a change."""


def test_local_times_are_those_of_the_zone_around_each_change_of_its_clock() -> None:
    clocks = tuple(SourceClock(f"s{number}", zone, None) for number, zone in enumerate(CHANGES))
    log = SmallLog("2026-04-10 00:00", AnalyticsSettings(clocks=clocks))
    expected = {}
    for clock, (zone, changes) in zip(clocks, CHANGES.items(), strict=True):
        for change, minutes, microseconds in product(map(at, changes), AROUND, (0, -1)):
            moment = change + timedelta(minutes=minutes, microseconds=microseconds)
            task = log.backup("disk", moment, source=clock.source)
            expected[task] = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    rows = log.open().rows("attempt")
    assert {row["task_id"]: row["created_local"] for row in rows} == expected
    assert len(expected) == 2 * len(AROUND) * sum(map(len, CHANGES.values()))
