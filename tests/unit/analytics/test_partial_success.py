"""Tasks that ended as a success though parts of them failed."""

import pytest

from support.small_log import SmallLog

pytestmark = pytest.mark.fault("partial success")


def test_each_success_with_failed_parts_is_listed_with_its_own_units() -> None:
    log = SmallLog()
    sync = log.task("sync", "2026-03-09 05:00", sync_backup_num=1, sync_err_sync_backup_num=21)
    removal = log.remove(
        ["a"], "2026-03-09 06:00", remove_resources_fail_count=3, remove_resources_total_count=2
    )
    vault = log.task(
        "vault_delete", "2026-01-09 07:00", vault_delete_fail_count=1, vault_delete_total_count=0
    )
    rows = {row["task_id"]: row for row in log.open().rows("partial_success")}
    names = ("failed_parts", "failed_unit", "done_backups", "failed_share", "is_recent")
    assert {task: tuple(row[name] for name in names) for task, row in rows.items()} == {
        sync: (21, "backups", 1, 21 / 22, True),
        removal: (3, "resources", 2, None, True),
        vault: (1, "resources", 0, None, False),
    }


def test_whole_successes_and_failures_are_not_in_it() -> None:
    log = SmallLog()
    log.task("sync", "2026-03-09 05:00", sync_backup_num=22, sync_err_sync_backup_num=0)
    log.task("sync", "2026-03-09 05:00", sync_backup_num=22)
    log.task("sync", "2026-03-09 05:00", status="failed", sync_backup_num=0, sync_err_sync_backup_num=22)
    log.remove(["a"], "2026-03-09 06:00")
    log.backup("a", "2026-03-08 06:00")
    assert log.open().rows("partial_success") == []
