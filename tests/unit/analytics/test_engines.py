"""The views give the same bits with the optimizer off, in a process of their own, and on the next DuckDB."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.analytics.catalogue import views
from support.random_log import FIRST, random_log
from support.small_inventory import SmallInventory
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("engine versions")

SCRIPT = Path(__file__).parents[2] / "support/dump_views.py"
NEXT = "2.0.1"
VIEWS = [view.name for view in views() if view.kind == "view"]


def varied_log() -> SmallLog:
    """A random log with odd durations, copies, restores and counters, so that the views have fractions."""
    log = random_log(5).log
    made = [task for task in log.tables["tasks"] if task["operation_type"] == "backup"]
    for number, task in enumerate(made):
        shift = (number * 7_654_321) % 1_000_003
        for name in ("started_at", "ended_at"):
            if task[name]:
                task[name] = task[name].replace(
                    microsecond=(shift * (3 if name == "ended_at" else 1)) % 1_000_000
                )
        if task["status"] == "success" and number % 3 == 0:
            region = ("region-2", "region-3")[number % 2]
            status = "success" if number % 4 else "failed"
            minutes = 1 + number % 97 / 7
            log.copy(
                task["task_id"],
                task["ended_at"],
                region,
                status=status,
                minutes=minutes,
                vault_id=task["vault_id"],
            )
        if number % 19 == 0:
            log.restore(task["task_id"], task["created_at"], resource="daily-0", minutes=3 + number / 7)
    log.backup("daily-0", "2026-04-04 03:00", minutes=2_000, vault_id="vault-daily", policy_id="policy-daily")
    log.task("sync", at("2026-04-04 03:00"), sync_backup_num=2, sync_err_sync_backup_num=1)
    _raise_alarms(log)
    _be_watched(log)
    _be_listed(log)
    return log


def _raise_alarms(log: SmallLog) -> None:
    """Backups that stop, a policy that is edited, a retention that is shortened, and a night of deletions."""
    log.daily("halted", FIRST, 12, policy_id="policy-halted")
    log.daily("moved", FIRST, 12, policy_id="policy-moved")
    log.daily("moved", FIRST + timedelta(days=12, hours=4), 12, policy_id="policy-moved")
    kept = log.daily("kept", FIRST, 20, policy_id="policy-kept", vault_id="vault-kept")
    for day, task_id in enumerate(kept):
        gone = day + 9 if day < 6 else max(15, day + 4)
        log.delete(task_id, FIRST + timedelta(days=gone, hours=10), resource="kept", vault_id="vault-kept")
    for number, task_id in enumerate(log.daily("bulk", FIRST, 22, policy_id=None, vault_id="vault-bulk")):
        deleted_at = FIRST + timedelta(days=25, minutes=number)
        log.delete(task_id, deleted_at, resource="bulk", vault_id="vault-bulk")


def _be_listed(log: SmallLog) -> None:
    """An inventory with a policy that differs from the log, a vault that grows, and a server in no vault."""
    inventory = SmallInventory(log, "2026-04-04 01:30", backups="not_offered")
    inventory.policy("policy-daily", "FREQ=DAILY;BYHOUR=1,7;BYMINUTE=20")
    sizes = {"size_gb": 700, "enterprise_project_id": "0", "charging_mode": "post_paid"}
    inventory.vault("vault-daily", policy="policy-daily", version=2, used_mb=411_111, **sizes)
    earlier = {"version": 1, "used_mb": 300_007, "is_current": False, "last_seen_at": at("2026-04-01 01:30")}
    inventory.vault("vault-daily", first_seen_at="2026-03-29 01:30", **sizes | earlier)
    for number in range(3):
        inventory.member("vault-daily", f"daily-{number}", first_seen_at="2026-03-29 01:30")
        inventory.protectable(
            f"daily-{number}", tags=[f"team={number % 2}"], first_seen_at="2026-03-29 01:30"
        )
    inventory.protectable("in-no-vault", tags={"team": "1"}, first_seen_at="2026-03-30 01:30")


def _be_watched(log: SmallLog) -> None:
    """Loads twice a day, and versions of some tasks that they received, some of them late."""
    for half_day in range(60):
        log.load(FIRST + half_day * timedelta(hours=12), purpose="deep" if half_day % 2 else None)
    log.cover(*(f"{(FIRST + timedelta(days=day)).date()}" for day in range(30)))
    for number, task in enumerate(log.tables["tasks"][::7]):
        seen_at = task["created_at"] + timedelta(hours=1 + number % 29, microseconds=number * 7_919)
        changed_at = seen_at + timedelta(hours=20 + number % 31)
        versions = [(seen_at, {}), (changed_at, {"vault_name": "renamed"})]
        log.see(task["task_id"], *versions[: 2 if number % 5 == 0 else 1])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return varied_log().publish(tmp_path_factory.mktemp("engines") / "warehouse.duckdb")


def dumped(*command: str) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def usual(published: Path) -> dict[str, Any]:
    return dumped(sys.executable, str(SCRIPT), str(published), "on")


@pytest.fixture(scope="module")
def plain(published: Path) -> dict[str, Any]:
    return dumped(sys.executable, str(SCRIPT), str(published), "off")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_gives_the_same_bits_without_the_optimizer(
    plain: dict[str, Any], usual: dict[str, Any], view: str
) -> None:
    assert plain["views"][view] == usual["views"][view]


@pytest.mark.parametrize("optimizer", ["on", "off"])
def test_the_next_engine_gives_the_same_bits(published: Path, usual: dict[str, Any], optimizer: str) -> None:
    runner = [str(Path(sys.executable).with_name("uv")), "run", "--no-project", "--python", sys.executable]
    packages = ["--with", f"duckdb=={NEXT}", "--with", "pytz"]
    command = [*runner, *packages, "python", str(SCRIPT), str(published), optimizer]
    try:
        following = dumped(*command)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"DuckDB {NEXT} cannot be had here: {getattr(error, 'stderr', error)}")
    assert following["version"] == NEXT
    assert following["views"].keys() == usual["views"].keys()
    for view, rows in following["views"].items():
        assert rows == usual["views"][view], view


def test_the_log_fills_the_views_that_are_compared(usual: dict[str, Any]) -> None:
    empty = {view for view, rows in usual["views"].items() if not rows}
    assert empty <= {"app_consistency", "consecutive_failures", "failure_incidents", "open_tasks"}
