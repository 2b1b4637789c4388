"""Failures as incidents, what retrying is worth, and how long recovery takes, open cases included."""

from datetime import timedelta
from typing import Any

import pytest

from support.small_log import SmallLog, at

CODE = "BackupService.9910"


def fails_for(
    log: SmallLog, resource: str, hours: int | None, code: str = CODE, **columns: str | None
) -> None:
    """A streak that recovers after some hours, or never."""
    told: dict[str, Any] = {"minutes": 0} | columns
    log.backup(resource, "2026-03-05 00:00", status="failed", error_code=code, **told)
    if hours is not None:
        log.backup(resource, at("2026-03-05 00:00") + timedelta(hours=hours), **told)


def test_survival_is_estimated_with_open_streaks_censored() -> None:
    """Kaplan and Meier by hand: 4 at risk, one leaves at 2 h, one at 6 h, then 2 are censored at 120 h."""
    log = SmallLog()
    for name, hours in (("a", 2), ("b", 6), ("c", None), ("d", None)):
        fails_for(log, name, hours)
    rows = log.open().rows("time_to_recover", "error_code IS NULL", "hours")
    assert [(row["hours"], row["at_risk"], row["recovered"]) for row in rows] == [(2, 4, 1), (6, 3, 1)]
    assert [row["survival"] for row in rows] == pytest.approx([0.75, 0.5])
    assert {(row["streaks"], row["censored"]) for row in rows} == {(4, 2)}


def test_survival_ends_at_zero_where_all_recover() -> None:
    log = SmallLog()
    fails_for(log, "a", 2)
    fails_for(log, "b", 4)
    rows = log.open().rows("time_to_recover", f"error_code = '{CODE}'", "hours")
    assert [row["survival"] for row in rows] == pytest.approx([0.5, 0.0])


def test_each_vault_has_its_curve_beside_those_by_code() -> None:
    log = SmallLog()
    for name, hours, vault in (("a", 2, "v1"), ("b", 6, "v1"), ("c", 4, "v2"), ("d", None, "v2")):
        fails_for(log, name, hours, vault_id=vault, code=f"Code.{name}")
    fails_for(log, "e", 8, vault_id=None, vault_name=None)
    found = log.open()
    rows = found.rows("time_to_recover", "vault_id IS NOT NULL", "vault_id, hours")
    assert {row["error_code"] for row in rows} == {"(all)"}
    assert [(row["vault_id"], row["vault_name"], row["hours"], row["at_risk"]) for row in rows] == [
        ("(none)", None, 8, 1),
        ("v1", "v1", 2, 2),
        ("v1", "v1", 6, 1),
        ("v2", "v2", 4, 2),
    ]
    assert [row["survival"] for row in rows] == pytest.approx([0.0, 0.5, 0.0, 0.5])
    assert [(row["streaks"], row["censored"]) for row in rows] == [(1, 0), (2, 0), (2, 0), (2, 1)]
    assert [row["hours"] for row in found.rows("time_to_recover", "error_code IS NULL", "hours")] == [
        2,
        4,
        6,
        8,
    ]
    assert len(found.rows("time_to_recover", "error_code = 'Code.a'")) == 1


def test_a_removal_censors_and_is_no_recovery() -> None:
    log = SmallLog()
    fails_for(log, "a", 2)
    fails_for(log, "gone", None)
    log.remove(["gone"], "2026-03-05 01:00")
    row = log.open().row("time_to_recover", "error_code IS NULL")
    assert (row["hours"], row["at_risk"], row["censored"], row["survival"]) == (2, 1, 1, 0.0)
    assert log.open().row("recovery_statistics")["ended_by_removal"] == 1


def test_a_code_that_passes_by_itself_and_one_that_does_not() -> None:
    log = SmallLog()
    for number in range(12):
        fails_for(log, f"passing-{number}", 3, "Passing.1")
        lasting = f"lasting-{number}"
        fails_for(log, lasting, None, "Lasting.1")
        log.backup(lasting, "2026-03-06 00:00", status="failed", error_code="Lasting.1")
    rows = {row["error_code"]: row for row in log.open().rows("retry_worth")}
    passing, lasting_row = rows["Passing.1"], rows["Lasting.1"]
    assert (passing["n"], passing["next_ok"], passing["advice"]) == (12, 12, "retry")
    assert passing["median_wait_hours"] == 3.0
    # The second failures have no next attempt yet, and are left out.
    assert (lasting_row["n"], lasting_row["next_ok"], lasting_row["advice"]) == (12, 0, "ticket")


def test_failures_close_together_are_one_incident_from_ten_resources_on() -> None:
    log = SmallLog()
    for number in range(10):
        moment = at("2026-03-05 01:00") + timedelta(minutes=50 * number)
        log.backup(f"r{number}", moment, status="failed", error_code=CODE, vault_id=f"v{number % 2}")
        log.backup(f"r{number}", "2026-03-05 23:00")
    for number in range(9):
        log.backup(f"s{number}", "2026-03-05 01:00", status="failed", error_code="Too.Few")
    row = log.open().row("failure_incidents")
    assert (row["error_code"], row["failures"], row["resources"], row["vaults"]) == (CODE, 10, 10, 2)
    assert (row["began_at"], row["last_failure_at"]) == (at("2026-03-05 01:00"), at("2026-03-05 08:30"))
    assert row["share_of_failures"] == pytest.approx(10 / 19)
    assert row["failure_rate"] == pytest.approx(10 / 19)


def test_failures_with_a_gap_between_are_two_clusters() -> None:
    log = SmallLog()
    for number in range(10):
        moment = "2026-03-05 01:00" if number < 5 else "2026-03-05 02:01"
        log.backup(f"r{number}", moment, status="failed", error_code=CODE)
    assert log.open().rows("failure_incidents") == []


@pytest.mark.fault("few or small cases")
def test_a_full_vault_is_an_incident_however_small_it_is() -> None:
    log = SmallLog()
    full = "BackupService.6114"
    for number in range(8):
        log.backup(f"r{number}", "2026-03-05 01:00", status="failed", error_code=full, vault_id="full")
    # Two of many in a vault, and a small vault that fails for another reason, are none.
    for number in range(8):
        told = {"status": "failed", "error_code": full} if number < 2 else {}
        log.backup(f"s{number}", "2026-03-06 01:00", vault_id="half-full", **told)
        log.backup(f"t{number}", "2026-03-06 01:00", status="failed", error_code=CODE, vault_id="other")
    row = log.open().row("failure_incidents")
    assert (row["error_code"], row["began_at"]) == (full, at("2026-03-05 01:00"))
    assert (row["resources"], row["whole_vaults"]) == (8, 1)


@pytest.mark.parametrize("code", ["BackupService.6125", "BackupService.6101", "BackupService.6215"])
@pytest.mark.fault("few or small cases")
def test_a_small_vault_that_fails_without_being_full_is_no_incident(code: str) -> None:
    """Codes of the range of vaults differ: "a backup is running" in a vault of two was an incident."""
    log = SmallLog()
    for number in range(2):
        log.backup(f"r{number}", "2026-03-05 01:00", status="failed", error_code=code, vault_id="small")
    assert log.open().rows("failure_incidents") == []


def test_one_resource_that_fails_a_thousand_times_is_no_incident() -> None:
    log = SmallLog()
    for number in range(1000):
        moment = at("2026-03-05 01:00") + timedelta(minutes=number)
        log.backup("r", moment, status="failed", error_code=CODE)
    found = log.open()
    assert found.rows("failure_incidents") == []
    assert found.row("unresolved_failures")["strikes"] == 1000


def test_causes_rank_by_unprotected_hours_and_by_count() -> None:
    log = SmallLog()
    # "Often" fails three times a night and is rescued at once; "Long" fails once and leaves two days open.
    log.daily("often", "2026-03-01 00:00", 9)
    for minute in (10, 20, 30):
        log.backup("often", f"2026-03-08 12:{minute}", status="failed", error_code="Often.1", minutes=0)
    log.backup("often", "2026-03-08 13:00", minutes=0)
    log.daily("long", "2026-03-01 00:00", 6)
    log.backup("long", "2026-03-07 00:00", status="failed", error_code="Long.1", minutes=0)
    rows = {row["error_code"]: row for row in log.open().rows("exposure_pareto")}
    assert (rows["Long.1"]["rank_by_hours"], rows["Long.1"]["rank_by_failures"]) == (1, 2)
    assert (rows["Often.1"]["rank_by_hours"], rows["Often.1"]["rank_by_failures"]) == (2, 1)
    # The newest recovery point of "long" is of the 6th 00:00; 26 h later its objective is over.
    assert rows["Long.1"]["unprotected_hours"] == pytest.approx(4 * 24 - 26)
    assert (rows["Often.1"]["unprotected_hours"], rows["Long.1"]["share_of_hours"]) == (0, 1)


def test_only_a_next_attempt_that_was_made_tells_whether_it_helps_to_try_again() -> None:
    log = SmallLog()
    for number, between in enumerate(("skipped", "running", "odd")):
        log.backup(f"r{number}", "2026-03-05 01:00", status="failed", error_code=CODE)
        log.backup(f"r{number}", "2026-03-06 01:00", status=between)
        log.backup(f"r{number}", "2026-03-07 01:00")
    log.backup("next", "2026-03-05 01:00", status="failed", error_code=CODE)
    log.backup("next", "2026-03-06 01:00", status="timeout")
    row = log.open().row("retry_worth", f"error_code = '{CODE}'")
    assert (row["n"], row["next_ok"]) == (1, 0)


def test_a_streak_that_a_removal_ended_before_the_lookback_is_not_in_it() -> None:
    log = SmallLog()
    for resource, code in (("gone", "Gone.1"), ("here", "Here.1")):
        log.backup(resource, "2026-01-05 01:00", status="failed", error_code=code)
    log.remove(["gone"], "2026-01-07 12:00")
    assert [row["error_code"] for row in log.open().rows("exposure_pareto")] == ["Here.1"]
