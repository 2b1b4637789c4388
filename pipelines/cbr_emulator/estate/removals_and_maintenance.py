"""What is no backup and follows from none: removals of resources, and the few chores of a week."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.model import RecoveryPoint, Vault
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import VaultFactory

CHORES = {"sync": 0.35, "vault_delete": 0.25, "copy": 0.25, "migrate_resources": 0.15}
"""How many of each a day there are in an estate of some size."""

NOTHING_NEW = {"sync_backup_num": 0, "delete_backup_num": 0, "err_sync_backup_num": 0}
"""What a synchronisation counts that finds nothing to do, and ends in the moment in which it starts."""


def remove_leavers(vault: Vault, slot: datetime) -> None:
    """Takes out of the vault, before its next run, who is to leave it and is not being backed up."""
    at = vault.removal_at
    if at is None or at >= slot:
        return
    vault.removal_at = None
    vault.leaving = [machine for machine in vault.leaving if machine.busy_until < at]
    for machine in vault.leaving:
        machine.removed_at = at


def removals(world: Simulation, vault: Vault, gone: set[str]) -> Iterator[Task]:
    """The task that took machines out of the vault, and their backups with them.

    Args:
        world: The estate.
        vault: The vault.
        gone: Ids of backups that were deleted by hand.
    """
    removed = [machine for machine in vault.leaving if machine.removed_at is not None]
    if not removed:
        return
    at = removed[0].removed_at or world.end
    held = [one for machine in removed for one in machine.points if _is_held(one, at, gone)]
    block = {
        "fail_count": 0,
        "total_count": len(held),
        "resources": [machine.resource_at(at) for machine in removed],
    }
    task = _bare(world, vault, "remove_resource", at, {"remove_resources": block})
    for machine in removed:
        world.tell("removal", (at, task.ended_at or at), (task.id,), machine.id)
    yield task


def chores(world: Simulation, founder: VaultFactory) -> Iterator[Task]:
    """Synchronisations, deletions of old vaults, copies and moves; evenly spread, so that none is missing."""
    scale = min(1, world.wanted / 60)
    kept = [founder.bare_vault() for _ in range(2)]
    for operation, a_day in CHORES.items():
        gap = timedelta(days=1 / (a_day * scale))
        at = world.start + gap * world.random.random()
        while at < world.end:
            hour = world.random.randrange(8, 18)
            moment = max(world.start, at.replace(hour=hour))
            vault = founder.bare_vault() if operation == "vault_delete" else world.random.choice(kept)
            yield _bare(world, vault, operation, moment, _counts(world, operation))
            at += gap


def _is_held(point: RecoveryPoint, at: datetime, gone: set[str]) -> bool:
    has_expired = point.expires_at is not None and point.expires_at <= at
    return point.usable_at <= at and not has_expired and point.backup_id not in gone


def _counts(world: Simulation, operation: str) -> dict[str, Any]:
    random = world.random
    few = 1 if world.has_luck(0.1) else 0
    if operation == "sync" and world.has_luck(0.2):
        return {"sync": dict(NOTHING_NEW)}
    if operation == "sync":
        counts = {"sync_backup_num": random.randrange(30), "delete_backup_num": random.randrange(3)}
        return {"sync": {**counts, "err_sync_backup_num": few}}
    if operation == "vault_delete":
        return {"vault_delete": {"fail_count": few, "total_count": random.randrange(1, 40)}}
    return {}


def _bare(world: Simulation, vault: Vault, operation: str, at: datetime, blocks: dict[str, Any]) -> Task:
    lasts = timedelta(seconds=world.random.uniform(1, 90))
    if blocks.get("sync") == NOTHING_NEW:
        lasts = timedelta()
    return world.task(vault, None, operation, at, blocks=blocks, started=at, ended=at + lasts)
