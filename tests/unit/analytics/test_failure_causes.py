"""Why tasks fail: causes by frequency."""

from collections import Counter
from datetime import timedelta

import pytest

from cbr_warehouse.analytics.catalogue import read_error_codes
from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.random_log import WATERMARK, random_log
from support.small_log import SmallLog, at

KNOWN = "BackupService.9910"


def test_causes_are_ranked_and_their_shares_add_up_to_one() -> None:
    log = SmallLog()
    for number in range(5):
        log.backup(f"disk-{number}", "2026-03-05 01:00", status="failed", error_code=KNOWN)
    for hour in (1, 2, 3):
        log.backup(
            "disk", f"2026-03-05 0{hour}:00", status="failed", error_code="Made.Up", vault_id="vault-2"
        )
    log.backup("disk", "2026-03-06 01:00", status="timeout")
    log.backup("disk", "2026-03-07 01:00", status="failed", error_code="  ")
    log.backup("good", "2026-03-07 01:00")
    rows = log.open().rows("failure_causes", order="rank")
    assert [row["error_code"] for row in rows] == [KNOWN, "Made.Up", "(none)"]
    assert [row["failures"] for row in rows] == [5, 3, 2]
    assert [row["resources"] for row in rows] == [5, 1, 1]
    assert [row["timeouts"] for row in rows] == [0, 0, 1]
    assert [row["vaults"] for row in rows] == [1, 1, 1]
    assert [row["share"] for row in rows] == [0.5, 0.3, 0.2]
    assert [row["cumulative_share"] for row in rows] == [0.5, 0.8, 1.0]
    assert [bool(row["text_en"] and row["text_zh"]) for row in rows] == [True, False, False]


def test_the_lookback_counts_and_all_history_dates() -> None:
    log = SmallLog(settings=AnalyticsSettings(lookback=timedelta(days=7)))
    log.backup("disk", "2026-01-05 01:00", status="failed", error_code=KNOWN)
    log.backup("disk", "2026-01-06 01:00", status="failed", error_code="Old.Code")
    log.backup("disk", "2026-03-03 00:00", status="failed", error_code=KNOWN)
    row = log.open().row("failure_causes")
    assert (row["error_code"], row["failures"], row["share"]) == (KNOWN, 1, 1.0)
    assert (row["first_seen_at"], row["last_seen_at"]) == (at("2026-01-05 01:00"), at("2026-03-03 00:00"))


def test_operation_types_are_not_mixed() -> None:
    log = SmallLog()
    made = log.backup("disk", "2026-03-05 01:00", status="failed", error_code=KNOWN)
    log.copy(made, "2026-03-05 02:00", status="failed", error_code=KNOWN)
    rows = log.open().rows("failure_causes")
    assert [(row["operation_type"], row["share"]) for row in rows] == [("backup", 1.0), ("replication", 1.0)]


def test_codes_of_open_and_successful_tasks_are_no_failures() -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-05 01:00", status="running", error_code=KNOWN)
    log.backup("disk", "2026-03-06 01:00", error_code="0")
    log.backup("disk", "2026-03-06 02:00", status="skipped", error_code=KNOWN)
    assert log.open().rows("failure_causes") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("BackupService.0002", "general"),
        ("BackupService.1006", "replication"),
        ("BackupService.2008", "restore"),
        ("BackupService.6114", "vault"),
        ("BackupService.6220", "backup"),
        ("BackupService.7003", "disk"),
        ("BackupService.7101", "server"),
        ("BackupService.7469", "other"),  # seen elsewhere, in no table of the vendor's
        ("BackupService.7511", "file_system"),
        ("BackupService.7699", "desktop"),  # not documented: by its range
        ("BackupService.8300", "quota"),
        ("BackupService.9910", "unknown"),
        ("BackupService.99999999999", "other"),
        ("BackupService.", "other"),
        ("CSBS.7101", "foreign"),
        ("APIGW.0308", "foreign"),
        (None, "(none)"),
    ],
)
def test_a_cause_has_the_class_of_its_number(code: str | None, expected: str) -> None:
    log = SmallLog()
    log.backup("disk", "2026-03-05 01:00", status="failed", error_code=code)
    assert log.open().row("failure_causes")["class"] == expected


def test_every_documented_code_is_in_a_range() -> None:
    rows = SmallLog().open().rows("error_class")
    assert len(rows) == len({row["error_code"] for row in rows}) == len(read_error_codes()) + 1
    assert not [row for row in rows if row["class"] in ("other", "foreign")]


@pytest.mark.parametrize("seed", range(2))
def test_plain_python_counts_the_same(seed: int) -> None:
    log = random_log(seed).log
    begin = WATERMARK - timedelta(days=28)
    expected = Counter(
        ((task.get("error_code") or "").strip() or "(none)")
        for task in log.tables["tasks"]
        if task["status"] in ("failed", "timeout") and begin <= task["created_at"] < WATERMARK
    )
    rows = log.open().rows("failure_causes")
    assert {row["error_code"]: row["failures"] for row in rows} == expected
    assert max(row["cumulative_share"] for row in rows) == pytest.approx(1)
