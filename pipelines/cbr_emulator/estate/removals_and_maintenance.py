"""Tasks that are neither backups nor caused by them: removals of resources and occasional maintenance."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.model import RecoveryPoint, Vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import VaultFactory

MAINTENANCE_PER_DAY = {"sync": 0.35, "vault_delete": 0.25, "copy": 0.25, "migrate_resources": 0.15}
"""Number of tasks of each operation type per day in an estate of at least 60 tasks a day."""

EMPTY_SYNC = {"sync_backup_num": 0, "delete_backup_num": 0, "err_sync_backup_num": 0}
"""Counters of a synchronisation that finds nothing to do; it ends at the moment it starts."""


def apply_removal(vault: Vault, slot: datetime) -> None:
    """Removes, before the next policy run, the leaving machines that are not being backed up."""
    at = vault.removal_at
    if at is None or at >= slot:
        return
    vault.removal_at = None
    vault.leaving = [machine for machine in vault.leaving if machine.busy_until < at]
    for machine in vault.leaving:
        machine.removed_at = at


def removals(simulation: Simulation, vault: Vault, deleted: set[str]) -> Iterator[Task]:
    """The task that removed machines from the vault together with their backups.

    Args:
        simulation: The simulation.
        vault: The vault.
        deleted: Ids of backups that were deleted manually.
    """
    removed = [machine for machine in vault.leaving if machine.removed_at is not None]
    if not removed:
        return
    at = removed[0].removed_at or simulation.end
    held = [one for machine in removed for one in machine.points if _is_held(one, at, deleted)]
    block = {
        "fail_count": 0,
        "total_count": len(held),
        "resources": [machine.resource_at(at) for machine in removed],
    }
    task = _task_without_resource(simulation, vault, "remove_resource", at, {"remove_resources": block})
    for machine in removed:
        simulation.record_episode("removal", (at, task.ended_at or at), (task.id,), machine.id)
    yield task


def maintenance_tasks(simulation: Simulation, factory: VaultFactory) -> Iterator[Task]:
    """Synchronisations, deletions of old vaults, copies and migrations, evenly spread over time."""
    scale = min(1, simulation.tasks_per_day / 60)
    kept = [factory.empty_vault() for _ in range(2)]
    for operation, a_day in MAINTENANCE_PER_DAY.items():
        gap = timedelta(days=1 / (a_day * scale))
        at = simulation.start + gap * simulation.random.random()
        while at < simulation.end:
            hour = simulation.random.randrange(8, 18)
            moment = max(simulation.start, at.replace(hour=hour))
            vault = factory.empty_vault() if operation == "vault_delete" else simulation.random.choice(kept)
            yield _task_without_resource(simulation, vault, operation, moment, _counts(simulation, operation))
            at += gap


def _is_held(point: RecoveryPoint, at: datetime, deleted: set[str]) -> bool:
    has_expired = point.expires_at is not None and point.expires_at <= at
    return point.usable_at <= at and not has_expired and point.backup_id not in deleted


def _counts(simulation: Simulation, operation: str) -> dict[str, Any]:
    random = simulation.random
    few = 1 if simulation.happens(0.1) else 0
    if operation == "sync" and simulation.happens(0.2):
        return {"sync": dict(EMPTY_SYNC)}
    if operation == "sync":
        counts = {"sync_backup_num": random.randrange(30), "delete_backup_num": random.randrange(3)}
        return {"sync": {**counts, "err_sync_backup_num": few}}
    if operation == "vault_delete":
        return {"vault_delete": {"fail_count": few, "total_count": random.randrange(1, 40)}}
    return {}


def _task_without_resource(
    simulation: Simulation, vault: Vault, operation: str, at: datetime, blocks: dict[str, Any]
) -> Task:
    lasts = timedelta(seconds=simulation.random.uniform(1, 90))
    if blocks.get("sync") == EMPTY_SYNC:
        lasts = timedelta()
    return simulation.task(vault, None, operation, at, blocks=blocks, started=at, ended=at + lasts)
