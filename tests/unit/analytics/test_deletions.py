"""Deletions: of which kind, in which bursts, and which stories of recovery points do not add up."""

from datetime import timedelta

import pytest

from support.small_log import Moment, SmallLog, at, backup_of

AUTO = {"delete_backup_name": "autobk_1"}


def kept_for(log: SmallLog, days: int, count: int) -> list[str]:
    """Backups each of which retention deletes after some days, at noon."""
    made = log.daily("disk", "2026-02-01 01:00", count)
    for number, task_id in enumerate(made):
        log.delete(task_id, at("2026-02-01 12:00") + timedelta(days=number + days))
    return made


def test_retention_deletes_at_the_usual_age_by_day() -> None:
    log = SmallLog()
    kept_for(log, 10, 8)
    assert {row["class"] for row in log.open().rows("deletion_class")} == {"retention"}


def test_each_kind_of_deletion_is_told_apart() -> None:
    log = SmallLog()
    kept_for(log, 10, 8)
    early = log.backup("disk", "2026-03-01 01:00")
    by_hand = log.backup("disk", "2026-03-02 01:00", policy_id=None)
    at_night = log.backup("disk", "2026-02-15 01:00")
    wanted = {
        log.delete(early, "2026-03-03 12:00"): "early",
        log.delete(by_hand, "2026-03-03 12:00"): "manual",
        log.delete(at_night, "2026-03-03 02:00"): "night",
        log.delete("never-seen", "2026-03-03 12:00", **AUTO): "unknown_birth",
        log.task("vault_delete", "2026-03-03 12:00", vault_delete_total_count=4): "vault_delete",
        log.task("sync", "2026-03-03 12:00", sync_delete_backup_num=2): "sync",
    }
    log.task("sync", "2026-03-03 12:00", sync_backup_num=2)  # deletes nothing
    rows = {row["task_id"]: row for row in log.open().rows("deletion_class", "class <> 'retention'")}
    assert {task_id: row["class"] for task_id, row in rows.items()} == wanted
    counts = {row["class"]: row["backups_deleted"] for row in rows.values()}
    assert (counts["vault_delete"], counts["sync"], counts["early"]) == (4, 2, 1)


@pytest.mark.parametrize(("deletions", "is_mass"), [(19, False), (25, True)])
@pytest.mark.fault("bursts of deletions")
def test_a_burst_of_deletions_by_hand_is_a_mass_delete(deletions: int, *, is_mass: bool) -> None:
    log = SmallLog()
    for number in range(deletions):
        made = log.backup(f"disk-{number}", "2026-03-01 01:00", policy_id=None)
        log.delete(made, at("2026-03-05 12:00") + timedelta(minutes=number))
    rows = log.open().rows("deletion_audit")
    assert {row["is_mass_delete"] for row in rows} == {is_mass}
    assert {row["burst_size"] for row in rows} == {deletions}


@pytest.mark.fault("bursts of deletions")
def test_retention_in_batches_is_no_mass_delete() -> None:
    log = SmallLog()
    for day in range(1, 8):
        for number in range(30):
            made = log.backup(f"disk-{number}", f"2026-02-0{day} 01:00")
            log.delete(made, at(f"2026-02-1{day} 12:00") + timedelta(seconds=number))
    assert not any(row["is_mass_delete"] for row in log.open().rows("deletion_audit"))


@pytest.mark.fault("bursts of deletions")
def test_whoever_deletes_all_backups_of_a_vault_by_day_does_not_make_that_usual() -> None:
    log = SmallLog()
    made = [task_id for number in range(3) for task_id in log.daily(f"disk-{number}", "2026-02-20 01:00", 14)]
    for number, task_id in enumerate(made):
        log.delete(task_id, at("2026-03-06 12:00") + timedelta(seconds=number))
    rows = log.open().rows("deletion_audit")
    assert all(row["is_mass_delete"] for row in rows)
    # The oldest of each disk alone may have been due.
    assert sum(row["class"] == "early" for row in rows) >= 3 * 12


@pytest.mark.parametrize("known", [19, 20])
@pytest.mark.fault("bursts of deletions")
def test_backups_from_before_the_log_do_not_hide_a_mass_delete_nor_make_one(known: int) -> None:
    log = SmallLog()
    made = [log.backup(f"disk-{number}", "2026-03-01 01:00", policy_id=None) for number in range(known)]
    for number in range(60):
        told = {} if number < known else AUTO
        of = made[number] if number < known else f"unborn-{number}"
        log.delete(of, at("2026-03-06 12:00") - timedelta(seconds=number), **told)
    rows = log.open().rows("deletion_audit", "class = 'manual'")
    assert [row["is_mass_delete"] for row in rows] == [known == 20] * known


def test_a_failed_deletion_deletes_nothing() -> None:
    log = SmallLog()
    made = log.backup("disk", "2026-03-01 01:00")
    log.delete(made, "2026-03-05 12:00", status="failed")
    found = log.open()
    assert found.row("recovery_point")["deleted_at"] is None
    assert (found.row("deletion_audit")["outcome"], found.row("deletion_audit")["failures"]) == ("fail", 1)


def test_the_ledger_tells_a_recovery_points_whole_life() -> None:
    log = SmallLog()
    made = log.backup("server", "2026-03-01 01:00", minutes=60)
    log.copy(made, "2026-03-01 03:00")
    log.copy(made, "2026-03-01 02:30", status="failed")
    log.restore(made, "2026-03-02 01:00")
    deleted = log.delete(made, "2026-03-06 02:00")
    row = log.open().row("recovery_point_ledger")
    assert (row["backup_id"], row["made_by"], row["delete_task_id"]) == (backup_of(made), made, deleted)
    assert (row["copies_ok"], row["copies_failed"], row["restores_ok"], row["deletions_ok"]) == (1, 1, 1, 1)
    assert (row["kept_days"], row["finding"]) == (5.0, None)


def test_stories_that_do_not_add_up_are_findings() -> None:
    log = SmallLog()
    log.backup("other", "2026-02-01 01:00")
    twice, after, fine = log.daily("server", "2026-02-20 01:00", 3)
    log.delete(twice, "2026-03-01 12:00")
    log.delete(twice, "2026-03-02 12:00")
    log.delete(after, "2026-03-01 12:00")
    log.copy(after, "2026-03-02 12:00")
    log.delete("unborn", "2026-03-01 12:00", resource="server", **AUTO)
    log.copy("unborn-copied", "2026-03-01 12:00", resource="server")
    found = {row["backup_id"]: row["finding"] for row in log.open().rows("recovery_point_ledger")}
    assert found[backup_of(twice)] == "deleted_twice"
    assert found[backup_of(after)] == "copy_after_deletion"
    assert found[backup_of(fine)] is None
    assert found[backup_of("unborn")] == "deleted_without_birth"
    assert found[backup_of("unborn-copied")] == "copied_without_birth"


def test_what_was_made_before_the_first_day_held_is_no_finding() -> None:
    log = SmallLog()
    log.backup("server", "2026-03-01 01:00")
    log.delete("older", "2026-03-01 12:00", resource="server", **AUTO)
    # A weekly one need not show before its week is over.
    for day in (7, 0):
        log.backup("weekly", at("2026-03-08 01:00") - timedelta(days=day), policy_id="weekly")
    log.backup("server", "2026-02-23 01:00")
    log.delete("older-weekly", "2026-03-02 12:00", resource="weekly", **AUTO)
    found = {row["backup_id"]: row["finding"] for row in log.open().rows("recovery_point_ledger")}
    assert {backup_of("older"), backup_of("older-weekly")} <= set(found)
    assert set(found.values()) == {None}


def test_a_backup_has_one_line_in_the_ledger_whatever_became_of_it() -> None:
    log = SmallLog()
    kept_for(log, 10, 8)
    log.backup("other", "2026-02-01 01:00")
    young = log.backup("disk", "2026-03-01 01:00")
    for hour in (12, 13):
        log.delete(young, f"2026-03-03 {hour}:00")  # early both times
    log.backup("server", "2026-03-01 01:00")
    log.copy("unborn", "2026-03-02 01:00", resource="server")
    log.restore("unborn", "2026-03-02 12:00", resource="server")
    log.restore("only-restored", "2026-03-02 12:00", resource="server")
    rows = log.open().rows("recovery_point_ledger")
    assert len({row["backup_id"] for row in rows}) == len(rows)
    found = {row["backup_id"]: (row["restores_ok"], row["finding"]) for row in rows}
    assert found[backup_of(young)] == (0, "deleted_twice")
    assert found[backup_of("unborn")] == (1, "copied_without_birth")
    assert found[backup_of("only-restored")] == (1, "restored_without_birth")


def test_a_backup_that_no_deletion_could_delete_is_a_finding_until_one_does() -> None:
    log = SmallLog()
    never, at_last, unborn = *log.daily("server", "2026-02-20 01:00", 2), "unborn"
    for task_id in (never, at_last, unborn):
        log.delete(task_id, "2026-03-01 12:00", resource="server", status="failed", **AUTO)
    log.delete(at_last, "2026-03-02 12:00", resource="server")
    rows = {row["backup_id"]: row for row in log.open().rows("recovery_point_ledger")}
    assert {backup_id: (row["deletions_failed"], row["finding"]) for backup_id, row in rows.items()} == {
        backup_of(never): (1, "undeletable"),
        backup_of(at_last): (1, None),
        backup_of(unborn): (1, "undeletable"),
    }


def burst(log: SmallLog, size: int, first: Moment, *, vault: str = "vault-1", every: int = 60) -> None:
    """Deletes some automatic backups, made 30 days before, one after the other."""
    for number in range(size):
        moment = at(first) + timedelta(seconds=every * number)
        made = log.backup(f"disk-{number}", moment - timedelta(days=30), vault_id=vault)
        log.delete(made, moment, vault_id=vault)


def mass_deletes(log: SmallLog) -> int:
    return sum(row["is_mass_delete"] for row in log.open().rows("deletion_audit"))


@pytest.mark.parametrize("others", [0, 1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("begin", ["2026-03-09 02:00", "2026-03-09 02:45"])
@pytest.mark.fault("bursts of deletions")
def test_a_nights_burst_is_not_measured_by_itself(others: int, begin: str) -> None:
    log = SmallLog()
    for day in range(others):
        burst(log, 1 + day % 2, at("2026-02-20 10:00") + timedelta(days=day))
    burst(log, 31, begin)
    assert mass_deletes(log) == 31


@pytest.mark.fault("bursts of deletions")
def test_a_massacre_over_several_hours_is_found_whole() -> None:
    log = SmallLog()
    for day in range(8):
        burst(log, 2, at("2026-02-20 10:00") + timedelta(days=day))
    burst(log, 150, "2026-03-09 01:00", every=100)
    assert mass_deletes(log) == 150


@pytest.mark.parametrize("usual", [20, 23, 60])
@pytest.mark.fault("bursts of deletions")
def test_one_more_than_a_constant_number_is_no_mass_delete(usual: int) -> None:
    log = SmallLog()
    for day in range(8):
        burst(log, usual + (day == 7), at("2026-03-01 02:00") + timedelta(days=day), every=10)
    assert mass_deletes(log) == 0
    burst(log, 3 * usual, "2026-03-09 02:00", every=10)
    assert mass_deletes(log) == 3 * usual


@pytest.mark.parametrize("name", [None, ""])
@pytest.mark.fault("bursts of deletions")
def test_a_deletion_that_names_no_backup_of_known_birth_is_of_unknown_birth(name: str | None) -> None:
    log = SmallLog()
    log.delete("unborn", "2026-03-05 12:00", delete_backup_name=name)
    log.delete("unborn-at-night", "2026-03-05 02:00", delete_backup_name=name)
    log.delete("unborn-and-named", "2026-03-05 12:00", delete_backup_name="manualbk_1")
    classes = {row["backup_id"]: row["class"] for row in log.open().rows("deletion_class")}
    assert classes == {
        backup_of("unborn"): "unknown_birth",
        backup_of("unborn-at-night"): "night",
        backup_of("unborn-and-named"): "manual",
    }
