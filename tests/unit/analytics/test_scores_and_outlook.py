"""Rates by dimension with their change, the coming week, tested restores, fulls beside incrementals."""

from datetime import timedelta

import pytest

from support.small_log import SmallLog, at

CODE = "BackupService.9910"


def test_a_scorecard_compares_with_the_span_before_and_spends_the_error_budget() -> None:
    log = SmallLog()
    log.daily("good", "2026-01-14 01:00", 55, vault_id="v1")
    log.daily("bad", "2026-01-14 01:00", 53, vault_id="v2")
    for day in (8, 9):
        log.backup("bad", f"2026-03-0{day} 01:00", vault_id="v2", status="failed", error_code=CODE)
    found = log.open()
    whole = found.row("scorecard", "dimension = 'source'")
    assert (whole["windows"], whole["protected"], whole["resources"]) == (56, 54, 2)
    assert (whole["windows_before"], whole["final_success_rate_before"]) == (54, 1.0)
    assert whole["change"] == pytest.approx(54 / 56 - 1)
    # One of two windows a day was bad, against a budget of 2 %.
    assert whole["burn_rate_1d"] == pytest.approx(0.5 / 0.02)
    assert whole["burn_rate_3d"] == pytest.approx(2 / 6 / 0.02)
    vaults = {row["value"]: row for row in found.rows("scorecard", "dimension = 'vault'")}
    assert (vaults["v1"]["final_success_rate"], vaults["v2"]["protected"]) == (1.0, 26)
    # Wilson's lower bound of 28 of 28 and of 26 of 28.
    assert vaults["v1"]["wilson_lower"] == pytest.approx(0.8794, abs=1e-3)
    assert vaults["v2"]["wilson_lower"] == pytest.approx(0.7735, abs=1e-3)


def test_a_resource_that_moved_leaves_its_past_where_it_was() -> None:
    log = SmallLog()
    log.backup("r", "2026-03-07 01:00", vault_id="old", status="failed")
    log.backup("r", "2026-03-08 01:00", vault_id="new")
    rates = {
        row["value"]: row["final_success_rate"] for row in log.open().rows("scorecard", "dimension = 'vault'")
    }
    assert rates == {"old": 0.0, "new": 1.0}


def test_the_coming_week_follows_the_weekday_and_days_without_tasks_count() -> None:
    log = SmallLog()
    for offset in range(28):
        moment = at("2026-02-10 01:00") + timedelta(days=offset)
        for _ in range(4 if moment.isoweekday() <= 5 else 0):
            log.backup("r", moment)
    rows = log.open().rows("forecast", order="day")
    assert [row["day"].isoformat() for row in rows] == [f"2026-03-{day}" for day in range(11, 18)]
    assert {row["days_seen"] for row in rows} == {28}
    for row in rows:
        expected = 4 if row["day"].isoweekday() <= 5 else 0
        assert row["tasks"] == pytest.approx(expected, abs=0.7)
        assert row["tasks_low"] <= expected + 0.7
        assert row["tasks_high"] >= row["tasks"]


def test_a_day_that_was_lost_is_not_one_without_tasks() -> None:
    log = SmallLog()
    for offset in (*range(10), *range(12, 28)):
        log.backup("r", at("2026-02-10 01:00") + timedelta(days=offset))
    log.cover("2026-02-20", "2026-02-21", state="lost")
    rows = log.open().rows("forecast")
    assert {(row["days_seen"], round(row["tasks"], 6)) for row in rows} == {(26, 1.0)}


def test_too_short_a_log_has_no_forecast_and_says_so() -> None:
    log = SmallLog()
    log.daily("r", "2026-03-01 01:00", 9)
    assert {(row["tasks"], row["reason"]) for row in log.open().rows("forecast")} == {
        (None, "fewer than 14 days seen")
    }


def test_a_restore_is_evidence_for_the_resource_whose_backup_was_restored() -> None:
    log = SmallLog()
    tested, old, never = (log.backup(name, "2025-06-01 01:00") for name in ("tested", "old", "never"))
    log.restore(tested, "2026-03-01 01:00", minutes=30, restore_target_resource_id="tested")
    log.restore(tested, "2026-03-02 01:00", minutes=90, restore_target_resource_id="elsewhere")
    log.restore(tested, "2026-03-03 01:00", status="failed", restore_target_resource_id="tested")
    log.restore(old, "2025-07-01 01:00", restore_target_resource_id="old")
    log.restore(never, "2026-03-09 23:00", status="running", restore_target_resource_id="never")
    rows = {row["resource_id"]: row for row in log.open().rows("restore_evidence")}
    row = rows["tested"]
    assert (row["restores_ok"], row["restores_failed"], row["in_place"], row["to_other"]) == (2, 1, 1, 1)
    assert row["success_rate"] == pytest.approx(2 / 3)
    assert (row["p50_seconds"], row["max_seconds"]) == (3600, 5400)
    assert (row["tested_within"], rows["old"]["tested_within"], rows["old"]["tested_365d"]) == (
        True,
        False,
        True,
    )
    assert (rows["never"]["tested_365d"], rows["never"]["restores_open"]) == (False, 1)


def test_days_since_the_last_full_backup_and_the_mix() -> None:
    log = SmallLog()
    log.backup("r", "2026-03-01 00:00", full=True)
    log.daily("r", "2026-03-02 00:00", 3)
    log.backup("silent", "2026-03-02 00:00", backup_incremental=None)
    rows = {row["resource_id"]: row for row in log.open().rows("full_incremental")}
    assert (rows["r"]["full_backups"], rows["r"]["incremental_backups"], rows["r"]["full_share"]) == (
        1,
        3,
        0.25,
    )
    assert rows["r"]["days_since_full"] == 9
    silent = rows["silent"]
    assert (silent["recovery_points"], silent["full_share"], silent["last_full_at"]) == (1, None, None)


def test_a_vault_has_its_newest_name_and_tasks_that_name_none_take_it_from_no_one() -> None:
    log = SmallLog()
    for number in range(3):
        log.backup(f"r{number}", f"2026-03-08 0{number}:00", vault_name=f"name-{number}")
    log.backup("r2", "2026-03-08 12:00", policy_id=None, vault_id="", vault_name="")
    made = log.backup("r1", "2026-03-08 00:30", vault_name="name-0")
    log.copy(made, "2026-03-08 03:00")
    found = log.open()
    assert found.row("scorecard", "dimension = 'vault'")["name"] == "name-2"
    assert {row["vault_name"] for row in found.rows("concurrency", "vault_id IS NOT NULL")} == {"name-2"}
    assert found.row("resource_protection", "resource_id = 'r2'")["vault_name"] == "name-2"


@pytest.mark.fault("few or small cases")
def test_of_nothing_but_failures_the_lower_bound_is_zero_and_never_less() -> None:
    log = SmallLog()
    for number in range(30):
        log.backup(f"r{number}", "2026-03-08 01:00", status="failed", error_code=CODE)
    assert log.open().row("scorecard", "dimension = 'source'")["wilson_lower"] == 0


@pytest.mark.fault("few or small cases")
def test_a_strike_stays_on_the_scorecard_however_long_nobody_has_tried() -> None:
    log = SmallLog()
    log.daily("fine", "2026-02-20 01:00", 18)
    log.daily("struck", "2026-01-01 01:00", 3, status="failed", vault_id="old", policy_id="old")
    rows = {(row["dimension"], row["value"]): row for row in log.open().rows("scorecard")}
    for key in (("source", None), ("vault", "old"), ("policy", "old"), ("project", "project-1")):
        assert rows[key]["resources_on_strike"] == 1, key
    assert rows["vault", "old"]["windows"] == 0
    assert rows["vault", "vault-1"]["resources_on_strike"] == 0


@pytest.mark.fault("few or small cases")
def test_a_source_that_is_excluded_has_its_seven_rows_with_the_reason() -> None:
    log = SmallLog()
    log.load("2026-01-01 00:00", source="gone")
    log.daily("disk", "2025-12-01 01:00", 20, source="gone")
    log.daily("disk", "2026-03-01 01:00", 9)
    rows = log.open().rows("forecast", "source = 'gone'")
    assert len(rows) == 7
    assert {(row["tasks"], row["reason"]) for row in rows} == {(None, "not loaded any more")}
