"""Restores: rarely because something was lost, and once in a while many in one morning, as a drill."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cbr_emulator.estate.error_codes import OF_RESTORES, error
from cbr_emulator.estate.model import Machine, RecoveryPoint, Vault
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.task import Task


def restore_some_day(
    world: Simulation, vault: Vault, machine: Machine, point: RecoveryPoint
) -> Iterator[Task]:
    """Restores a recovery point within days of its making, rarely, mostly in place."""
    if not world.has_luck(0.001):
        return
    at = point.usable_at + timedelta(hours=world.random.uniform(1, 60))
    if at < world.end and vault.keeps(machine, at):
        yield _restore(world, vault, machine, point, at, is_in_place=world.has_luck(0.7))


def rehearse(world: Simulation, vault: Vault, gone: set[str]) -> Iterator[Task]:
    """The vault's part of the drill: the newest recovery points of a few machines, to new ones.

    Args:
        world: The estate.
        vault: The vault.
        gone: Ids of backups that were deleted by hand.
    """
    if world.drill_at is None:
        return
    for place, machine in enumerate(vault.machines):
        at = world.drill_at + timedelta(minutes=world.random.uniform(0, 150))
        is_chosen = world.has_luck(0.05) or (vault.is_anchor and place < 2)
        if not is_chosen or not machine.is_in_vault(at):
            continue
        held = [
            point
            for point in machine.points
            if point.usable_at < world.drill_at
            and (point.expires_at is None or point.expires_at > at + timedelta(hours=12))
            and point.backup_id not in gone
        ]
        if held:
            newest = max(held, key=lambda point: point.usable_at)
            yield _restore(world, vault, machine, newest, at, is_in_place=False)


def _restore(
    world: Simulation,
    vault: Vault,
    machine: Machine,
    point: RecoveryPoint,
    at: datetime,
    *,
    is_in_place: bool,
) -> Task:
    resource = machine.resource_at(at)
    block = {
        "backup_id": point.backup_id,
        "backup_name": point.name,
        "target_resource_id": resource["id"] if is_in_place else world.new_id(),
        "target_resource_name": resource["name"] if is_in_place else f"{resource['name']}-drill",
    }
    has_failed = world.has_luck(0.04)
    started = at + timedelta(seconds=world.random.uniform(0, 5))
    return world.task(
        vault,
        machine,
        "restore",
        at,
        blocks={"restore": block},
        started=started,
        ended=started + timedelta(seconds=700 * world.random.lognormvariate(0, 0.9)),
        outcome="failed" if has_failed else "success",
        error=error(world.pick(OF_RESTORES)) if has_failed else ("", ""),
    )
