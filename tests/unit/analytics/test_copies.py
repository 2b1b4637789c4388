"""Copies in another region: how many, how late, how old, and what the loss of the region would take."""

from datetime import timedelta
from typing import Any

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("several destinations")


def counts(row: dict[str, Any]) -> list[int]:
    """What became of the eligible recovery points of a row of ``replication``."""
    return [row[name] for name in ("eligible", "copied", "copied_late", "pending", "failed", "never_tried")]


def test_what_became_of_each_eligible_recovery_point() -> None:
    log = SmallLog()
    first, late, pending, failed, untried = log.daily("server", "2026-03-03 01:00", 5)
    log.copy(first, "2026-03-03 02:00", minutes=60)
    log.copy(late, "2026-03-05 10:00", minutes=60)
    log.copy(pending, "2026-03-05 02:00", status="running")
    log.copy(failed, "2026-03-06 02:00", status="failed")
    row = log.open().row("replication")
    assert counts(row) == [5, 2, 1, 1, 1, 1]
    assert untried
    assert (row["copied_rate"], row["in_time_rate"]) == (0.4, 0.2)
    assert row["destination_region"] == "region-2"
    # Usable at 01:10; copied at 03:00 the same day, and at 11:00 the day after.
    assert round(row["lag_max_hours"], 2) == round(33 + 50 / 60, 2)


def two_destinations() -> SmallLog:
    """Each backup is copied to region-2; to region-3 every copy fails, twice."""
    log = SmallLog()
    for day in range(3, 8):
        made = log.backup("server", f"2026-03-0{day} 01:00")
        log.copy(made, f"2026-03-0{day} 02:00")
        for hour in (3, 4):
            log.copy(made, f"2026-03-0{day} 0{hour}:00", region="region-3", status="failed")
    return log


def test_a_destination_that_never_works_is_not_hidden_by_one_that_does() -> None:
    rows = {row["destination_region"]: row for row in two_destinations().open().rows("replication")}
    assert {region: (row["copied_rate"], row["failed"]) for region, row in rows.items()} == {
        "region-2": (1, 0),
        "region-3": (0, rows["region-3"]["eligible"]),
    }
    assert rows["region-3"]["eligible"] > 0
    assert {region: row["retries"] / row["eligible"] for region, row in rows.items()} == {
        "region-2": 0,
        "region-3": 1,
    }


def test_the_offsite_rpo_of_each_destination_stands_alone() -> None:
    rows = {row["destination_region"]: row for row in two_destinations().open().rows("offsite_rpo")}
    assert {region: row["has_copy"] for region, row in rows.items()} == {"region-2": True, "region-3": False}


def test_a_server_lacks_the_copies_that_others_of_its_vault_have() -> None:
    log = two_destinations()
    log.backup("new", "2026-03-09 01:00")
    log.backup("disk", "2026-03-09 01:00", resource_type="OS::Cinder::Volume")
    rows = log.open().rows("offsite_rpo")
    found = {(row["resource_id"], row["destination_region"]): row["has_copy"] for row in rows}
    assert found == {
        ("server", "region-2"): True,
        ("server", "region-3"): False,
        ("new", "region-2"): False,
        ("new", "region-3"): False,
        ("disk", None): False,
    }


def test_a_lost_region_leaves_what_each_destination_holds() -> None:
    rows = two_destinations().open().rows("region_loss", "lost_at = TIMESTAMPTZ '2026-03-09 18:00:00+00'")
    assert {row["destination_region"]: (row["resources"], row["with_copy"]) for row in rows} == {
        None: (1, 1),
        "region-2": (1, 1),
        "region-3": (1, 0),
    }


def test_no_loss_is_assumed_before_the_lookback() -> None:
    log = SmallLog("2026-03-10 20:00", AnalyticsSettings(lookback=timedelta(days=2)))
    log.daily("server", "2026-03-01 01:00", 9)
    moments = [row["lost_at"] for row in log.open().rows("region_loss", order="lost_at")]
    assert moments == [at("2026-03-09 18:00"), at("2026-03-10 18:00")]


def test_the_age_of_the_newest_copy_beside_that_of_the_newest_backup() -> None:
    log = SmallLog()
    made, *_ = log.daily("server", "2026-03-07 00:00", 3)
    log.copy(made, "2026-03-07 02:00")
    log.backup("disk", "2026-03-09 12:00")
    rows = {row["resource_id"]: row for row in log.open().rows("offsite_rpo")}
    server, disk = rows["server"], rows["disk"]
    assert (server["has_copy"], server["offsite_rpo_hours"], server["local_age_hours"]) == (True, 72, 24)
    assert (disk["has_copy"], disk["offsite_rpo_hours"], disk["local_age_hours"]) == (False, None, 12)


def test_a_failed_copy_is_none_and_one_that_is_not_finished_is_none_yet() -> None:
    log = SmallLog()
    one, other = log.daily("server", "2026-03-07 00:00", 2)
    log.copy(one, "2026-03-07 02:00", status="failed")
    log.copy(other, "2026-03-08 02:00", status="running")
    assert log.open().row("offsite_rpo")["has_copy"] is False


def test_a_region_lost_at_the_end_of_a_day_takes_what_was_not_copied_by_then() -> None:
    log = SmallLog()
    one, two = log.daily("server", "2026-03-07 00:00", 2)
    log.copy(one, "2026-03-07 01:00", minutes=60)
    log.copy(two, "2026-03-08 20:00", minutes=60)
    log.backup("disk", "2026-03-08 00:00")
    rows = {row["lost_at"]: row for row in log.open().rows("region_loss", "destination_region IS NULL")}
    assert sorted(rows) == [at("2026-03-07 18:00"), at("2026-03-08 18:00"), at("2026-03-09 18:00")]
    found = {
        moment: (row["resources"], row["with_copy"], row["loss_max_hours"]) for moment, row in rows.items()
    }
    assert found[at("2026-03-07 18:00")] == (1, 1, 18)
    assert found[at("2026-03-08 18:00")] == (2, 1, 42)  # the newer one was copied only at 21:00
    assert found[at("2026-03-09 18:00")] == (2, 1, 42)
    assert rows[at("2026-03-09 18:00")]["with_copy_rate"] == 0.5
