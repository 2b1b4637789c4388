"""A source that is not loaded any more: it holds nothing back, and no number runs on beyond its data."""

from functools import cache
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at
from support.small_warehouse import Analytics

GONE = at("2026-02-08 00:00")
"""When the source "gone" was last loaded, 30 days and an hour before "here"."""


def two_sources() -> SmallLog:
    """Both back up daily; "gone" has a running task, a failing and a removed resource at its last load."""
    settings = AnalyticsSettings(lookback=at("2026-03-10 01:00") - at("2026-01-09 01:00"))
    log = SmallLog(source="here", watermark="2026-03-10 01:00", settings=settings)
    log.load(GONE, source="gone").load("2026-03-10 00:00", source="gone", outcome="failed")
    log.daily("server", "2026-01-20 01:00", 49)
    told: dict[str, Any] = {"source": "gone", "vault_id": "vault-gone"}
    made: list[str] = []
    for name, days in (("fine", 19), ("failing", 17), ("removed", 19)):
        made += log.daily(name, "2026-01-20 01:00", days, policy_id="policy-gone", **told)
    log.copy(made[0], "2026-01-20 02:00", **told)
    log.backup("failing", "2026-02-06 12:00", status="failed", error_code="Code.1", policy_id=None, **told)
    log.backup("fine", "2026-02-07 20:00", status="running", policy_id=None, **told)
    log.remove(["removed"], "2026-02-07 20:00", **told)
    return log


@cache
def opened() -> Analytics:
    return two_sources().open()


def of_gone(view: str, order: str = "ALL") -> list[dict[str, Any]]:
    return opened().rows(view, "source = 'gone'", order)


def test_as_of_waits_for_sources_up_to_thirty_days_behind_and_no_longer() -> None:
    assert opened().row("as_of")["as_of"] == at("2026-03-10 01:00")
    log = two_sources().load("2026-02-08 01:00", source="slow")
    found = log.open()
    assert found.row("as_of")["as_of"] == at("2026-02-08 01:00")
    rows = {row["source"]: row for row in found.rows("data_quality")}
    assert {source: (row["is_included"], row["holds_back"]) for source, row in rows.items()} == {
        "here": (True, False),
        "slow": (True, True),
        "gone": (False, False),
    }
    assert rows["gone"]["hours_behind"] == 721
    until = {row["source"]: row["observed_until"] for row in found.rows("source_watermark")}
    assert until == {"here": at("2026-02-08 01:00"), "slow": at("2026-02-08 01:00"), "gone": GONE}


def test_a_source_alone_is_never_left_out() -> None:
    log = SmallLog(watermark="2019-06-01 00:00")
    assert log.open().row("as_of")["as_of"] == at("2019-06-01 00:00")


def test_a_source_that_is_loaded_again_is_as_any_other() -> None:
    found = two_sources().load("2026-03-10 02:00", source="gone").open()
    buckets = {row["resource_id"]: row["bucket"] for row in found.rows("resource_protection")}
    assert (buckets["fine"], buckets["removed"]) == ("older_than_7d", "removed")
    assert found.row("as_of")["as_of"] == at("2026-03-10 01:00")


def test_its_resources_are_shown_and_not_judged_at_a_time_beyond_its_data() -> None:
    rows = {row["resource_id"]: row for row in of_gone("resource_protection")}
    assert {name: row["bucket"] for name, row in rows.items()} == {
        "fine": "not_loaded",
        "failing": "not_loaded",
        "removed": "removed",
    }
    assert (rows["fine"]["age_hours"], rows["fine"]["not_loaded_since"]) == (None, GONE)
    (row,) = of_gone("protection_coverage")
    counted = [row[name] for name in ("resources", "older_than_7d", "removed", "not_loaded", "coverage_rate")]
    assert counted == [0, 0, 1, 2, None]
    for view in ("unresolved_failures", "consecutive_failures", "open_tasks", "offsite_rpo"):
        assert of_gone(view) == [], view
    assert of_gone("full_incremental") == of_gone("restore_evidence") == []
    (row,) = opened().rows("definition_comparator", "source = 'gone' AND whose = 'AWS-like'")
    assert (row["denominator"], row["rate"]) == (0, None)


def test_its_unprotected_hours_end_with_its_data() -> None:
    rows = {row["resource_id"]: row for row in of_gone("rpo_compliance")}
    # The last backup of "failing" is of the 5th at 01:00, its objective 26 h.
    assert rows["failing"]["unprotected_hours"] == pytest.approx(45)
    assert (rows["fine"]["unprotected_hours"], rows["fine"]["is_in_breach_now"]) == (0, False)
    assert rows["fine"]["observed_hours"] == 18 * 24 + 23
    (row,) = of_gone("rpo_compliance_summary")
    assert (row["resources"], row["live"], row["in_breach_now"]) == (3, 0, 0)
    (row,) = of_gone("exposure_pareto")
    assert row["unprotected_hours"] == pytest.approx(36)  # from the failure on


def test_its_streaks_are_censored_at_its_watermark() -> None:
    (row,) = of_gone("failing_streaks")
    assert (row["is_open"], row["ended_by"], row["censored_hours"]) == (False, "not_loaded", 36)
    (row,) = of_gone("recovery_statistics")
    assert (row["streaks"], row["open"], row["ended_by_removal"], row["not_loaded"]) == (1, 0, 0, 1)
    assert row["observed_resource_days"] == pytest.approx((455 + 455 + 451) / 24)


def test_nothing_is_expected_of_it_after_its_watermark() -> None:
    missed = [(row["resource_id"], row["slot_at"]) for row in of_gone("missed_backups", "slot_at")]
    assert missed == [("failing", at("2026-02-06 01:00")), ("failing", at("2026-02-07 01:00"))]
    days = of_gone("backup_success_daily", "backup_day")
    assert (f"{days[-1]['backup_day']}", days[-1]["is_closed"]) == ("2026-02-07", False)
    assert {(row["tasks"], row["reason"]) for row in of_gone("forecast")} == {(None, "not loaded any more")}
    # Usable by the 6th at 22:00: the copy of a later one was not yet due.
    (row,) = of_gone("replication")
    assert (row["eligible"], row["copied"]) == (18 + 17 + 18, 1)
    assert max(row["lost_at"] for row in of_gone("region_loss")) == at("2026-02-07 18:00")
