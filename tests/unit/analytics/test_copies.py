"""Copies in another region: how many, how late, how old, and what the loss of the region would take."""

from support.small_log import SmallLog, at


def test_what_became_of_each_eligible_recovery_point() -> None:
    log = SmallLog()
    first, late, pending, failed, untried = log.daily("server", "2026-03-03 01:00", 5)
    log.copy(first, "2026-03-03 02:00", minutes=60)
    log.copy(late, "2026-03-05 10:00", minutes=60, region="region-3")
    log.copy(pending, "2026-03-05 02:00", status="running")
    log.copy(failed, "2026-03-06 02:00", status="failed")
    row = log.open().row("replication")
    counts = ("eligible", "copied", "copied_late", "pending", "failed", "never_tried")
    assert [row[name] for name in counts] == [5, 2, 1, 1, 1, 1]
    assert untried
    assert (row["copied_rate"], row["in_time_rate"]) == (0.4, 0.2)
    assert row["destination_regions"] == ["region-2", "region-3"]
    # Usable at 01:10; copied at 03:00 the same day, and at 11:00 the day after.
    assert round(row["lag_max_hours"], 2) == round(33 + 50 / 60, 2)


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
    rows = {row["lost_at"]: row for row in log.open().rows("region_loss")}
    assert sorted(rows) == [at("2026-03-07 18:00"), at("2026-03-08 18:00"), at("2026-03-09 18:00")]
    told = {
        moment: (row["resources"], row["with_copy"], row["loss_max_hours"]) for moment, row in rows.items()
    }
    assert told[at("2026-03-07 18:00")] == (1, 1, 18)
    assert told[at("2026-03-08 18:00")] == (2, 1, 42)  # the newer one was copied only at 21:00
    assert told[at("2026-03-09 18:00")] == (2, 1, 42)
    assert rows[at("2026-03-09 18:00")]["with_copy_rate"] == 0.5
