"""Restores: rare ones of lost data, and a restore drill of many machines on one morning."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cbr_emulator.estate.error_codes import RESTORE_ERRORS, error
from cbr_emulator.estate.model import Machine, RecoveryPoint, Vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task


def maybe_restore(
    simulation: Simulation, vault: Vault, machine: Machine, point: RecoveryPoint
) -> Iterator[Task]:
    """Rarely restores a recovery point within days of its creation, mostly in place."""
    if not simulation.happens(0.001):
        return
    at = point.usable_at + timedelta(hours=simulation.random.uniform(1, 60))
    if at < simulation.end and vault.keeps(machine, at):
        yield _restore(simulation, vault, machine, point, at, is_in_place=simulation.happens(0.7))


def run_restore_drill(simulation: Simulation, vault: Vault, deleted: set[str]) -> Iterator[Task]:
    """The vault's part of the restore drill: newest recovery points of a few machines, to new machines.

    Args:
        simulation: The simulation.
        vault: The vault.
        deleted: Ids of backups that were deleted manually.
    """
    if simulation.drill_at is None:
        return
    for place, machine in enumerate(vault.machines):
        at = simulation.drill_at + timedelta(minutes=simulation.random.uniform(0, 150))
        is_chosen = simulation.happens(0.05) or (vault.is_anchor and place < 2)
        if not is_chosen or not machine.is_in_vault(at):
            continue
        held = [
            point
            for point in machine.points
            if point.usable_at < simulation.drill_at
            and (point.expires_at is None or point.expires_at > at + timedelta(hours=12))
            and point.backup_id not in deleted
        ]
        if held:
            newest = max(held, key=lambda point: point.usable_at)
            yield _restore(simulation, vault, machine, newest, at, is_in_place=False)


def _restore(
    simulation: Simulation,
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
        "target_resource_id": resource["id"] if is_in_place else simulation.new_id(),
        "target_resource_name": resource["name"] if is_in_place else f"{resource['name']}-drill",
    }
    has_failed = simulation.happens(0.04)
    started = at + timedelta(seconds=simulation.random.uniform(0, 5))
    return simulation.task(
        vault,
        machine,
        "restore",
        at,
        blocks={"restore": block},
        started=started,
        ended=started + timedelta(seconds=700 * simulation.random.lognormvariate(0, 0.9)),
        outcome="failed" if has_failed else "success",
        error=error(simulation.choose(RESTORE_ERRORS)) if has_failed else ("", ""),
    )
