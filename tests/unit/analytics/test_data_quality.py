"""What the numbers stand on: watermarks, completeness, odd records."""

from datetime import timedelta

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at


def test_odd_records_are_counted() -> None:
    log = SmallLog("2026-03-10 00:00")
    log.backup("disk", "2026-03-09 01:00", status="running")
    log.backup("disk", "2026-03-09 02:00", status="waiting")
    log.backup("disk", "2026-03-09 03:00", status="confused")
    log.backup("disk", "2026-03-09 04:00", ended_at=None)
    log.backup("disk", "2026-03-09 05:00", ended_at=at("2026-03-09 04:59"))
    log.backup("disk", "2026-03-09 06:00:00.039", started_at=at("2026-03-09 06:00:00.007"))
    log.backup(None, "2026-03-09 07:00")
    log.task("vault_delete", "2026-03-09 08:00")
    log.backup("disk", "2026-03-09 12:00", status="failed", error_code=" ")
    log.backup("disk", "2026-03-09 13:00", status="failed", error_code="BackupService.9910")
    row = log.open().row("data_quality")
    counted = {name: row[name] for name in row if name in ODD}
    assert counted == {
        "tasks": 10,
        "open_tasks": 2,
        "unknown_status": 1,
        "closed_without_end": 1,
        "negative_duration": 1,
        "wait_clamped": 1,
        "tasks_without_resource": 1,
        "failures_without_code": 1,
    }
    assert (row["newest_task_at"], row["hours_since_data"]) == (at("2026-03-09 13:00"), 11)


ODD = (
    "tasks",
    "open_tasks",
    "unknown_status",
    "closed_without_end",
    "negative_duration",
    "wait_clamped",
    "tasks_without_resource",
    "failures_without_code",
)


def test_the_watermark_is_that_of_the_last_finished_load() -> None:
    log = SmallLog("2026-03-08 00:00")
    log.load("2026-03-09 00:00", until="2026-02-01 00:00")
    log.load("2026-03-10 00:00", outcome="failed")
    log.load("2026-03-10 01:00", outcome="interrupted")
    row = log.open().row("data_quality")
    assert (row["watermark"], row["last_load_at"]) == (at("2026-03-08 00:00"), at("2026-03-10 01:00"))
    assert row["last_load_outcome"] == "interrupted"


def test_the_slowest_source_holds_back_all() -> None:
    log = SmallLog("2026-03-08 00:00").load("2026-03-10 00:00", source="ahead")
    analytics = log.open()
    rows = analytics.rows("data_quality", order="source")
    assert [(row["source"], row["hours_behind"]) for row in rows] == [("ahead", 0), ("main", 48)]
    assert analytics.row("as_of")["as_of"] == at("2026-03-08 00:00")


def test_a_source_that_was_never_loaded_to_the_end_has_no_watermark() -> None:
    log = SmallLog(watermark=None).load("2026-03-10 00:00", outcome="failed")
    row = log.open().row("data_quality")
    assert (row["watermark"], row["tasks"], row["hours_since_data"], row["is_complete"]) == (
        None,
        0,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("state", "complete"), [("complete", True), ("open", True), ("incomplete", False), ("lost", False)]
)
def test_one_doubtful_day_of_the_lookback_makes_it_incomplete(state: str, complete: bool) -> None:
    log = SmallLog("2026-03-10 00:00").cover("2026-03-08").cover("2026-03-09", state=state)
    assert log.open().row("data_quality")["is_complete"] is complete


def test_a_day_never_looked_at_is_unverified() -> None:
    log = SmallLog("2026-03-10 00:00").cover("2026-03-08")
    log.cover("2026-03-09", state="unverified", counted=None, checked_at=None)
    row = log.open().row("data_quality")
    assert (row["days_unverified"], row["is_complete"]) == (1, False)


def test_a_doubtful_day_before_the_lookback_counts_but_does_not_spoil_it() -> None:
    log = SmallLog("2026-03-10 00:00", AnalyticsSettings(lookback=timedelta(days=7)))
    log.cover("2026-03-02", state="lost").cover("2026-03-04").cover("2026-03-09", "2026-03-10", state="open")
    row = log.open().row("data_quality")
    states = ("days_complete", "days_incomplete", "days_unverified", "days_lost", "days_open")
    assert [row[state] for state in states] == [1, 0, 0, 1, 2]
    assert (row["is_complete"], f"{row['first_day']}") == (True, "2026-03-02")


def test_without_coverage_nothing_is_complete() -> None:
    assert SmallLog().open().row("data_quality")["is_complete"] is False


def test_what_the_source_counts_and_is_not_held_is_missing_unless_quarantined_or_expired() -> None:
    log = SmallLog()
    log.cover("2026-03-04", counted=10, held=10)
    log.cover("2026-03-05", counted=10, held=7, quarantined=1, state="incomplete")
    log.cover("2026-03-06", counted=5, held=9, expired=4)
    log.cover("2026-03-07", counted=None, held=3, state="unverified")
    log.cover("2026-03-08", counted=6, held=8, expired=3, state="incomplete")
    assert log.open().row("data_quality")["counted_minus_held"] == 2 + 1


def test_only_unresolved_records_are_in_quarantine() -> None:
    log = SmallLog()
    for number, resolved in enumerate((None, at("2026-03-09 00:00"))):
        seen = {"first_seen_at": at("2026-03-08 00:00"), "last_seen_at": at("2026-03-08 00:00")}
        log.add(
            "quarantine",
            source="main",
            record_text=f"{number}",
            reason="no id",
            resolved_at=resolved,
            **seen,
        )
    assert log.open().row("data_quality")["quarantined"] == 1
