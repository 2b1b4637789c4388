"""Deletions: daily ones of expired backups, and rare manual ones of many backups of a vault at night."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from cbr_emulator.estate.error_codes import DELETE_ERRORS, IMMEDIATE_ERRORS, error
from cbr_emulator.estate.incidents import poisson_times
from cbr_emulator.estate.model import Machine, RecoveryPoint, Vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task

SUCCESS_SHARE = 0.97
"""Share of backups before the beginning of the estate that succeeded."""

UNUSED_AFTER = timedelta(days=4)
"""Recovery points older than this are not copied or restored any more."""

MASS_DELETE_SIZE = 20
"""Minimum number of manual deletions in one night that counts as a mass delete."""

MAX_MANUAL_DELETIONS = 45
"""Maximum number of manual deletions in one night."""


def expiry(simulation: Simulation, vault: Vault, usable_at: datetime) -> datetime:
    """When a recovery point is deleted by retention: the day after it expires, between 08:00 and 20:00."""
    return _next_batch(simulation, usable_at + vault.retention)


def existing_recovery_points(
    simulation: Simulation, vault: Vault, machine: Machine
) -> Iterator[RecoveryPoint]:
    """Recovery points created before the beginning of the estate and still present then."""
    if machine.enrolled_at is not None:
        return
    checkpoint = simulation.new_id()
    for slot in vault.slots(simulation.start - vault.retention - timedelta(days=3), simulation.start):
        if not simulation.happens(SUCCESS_SHARE):
            continue
        usable_at = min(slot + timedelta(seconds=simulation.random.uniform(100, 900)), simulation.start)
        expires_at = expiry(simulation, vault, usable_at)
        if expires_at >= simulation.start:
            name = f"autobk_{machine.number:05d}_{slot:%Y%m%d%H%M}"
            yield RecoveryPoint(simulation.new_id(), name, usable_at, expires_at, checkpoint)


def change_retention(simulation: Simulation, vault: Vault) -> None:
    """Applies a change of the vault's retention to the recovery points that have not expired by then.

    If it is shortened, those that are too old by the new rule expire with the next day's batch.
    """
    if vault.retention_change is None:
        return
    at, retention = vault.retention_change
    for machine in vault.machines:
        for place, point in enumerate(machine.points):
            if point.expires_at is not None and point.expires_at > at:
                day = max(point.usable_at + retention, at)
                machine.points[place] = replace(point, expires_at=_next_batch(simulation, day))


def _next_batch(simulation: Simulation, at: datetime) -> datetime:
    eight = (at + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    return eight + timedelta(seconds=simulation.random.uniform(0, 12 * 3600 - 1))


def delete_expired(simulation: Simulation, vault: Vault, deleted: set[str]) -> Iterator[Task]:
    """Deletes expired backups that have not been deleted manually.

    Args:
        simulation: The simulation.
        vault: The vault.
        deleted: Ids of backups that were deleted manually.
    """
    for machine in vault.machines:
        for point in machine.points:
            if point.backup_id in deleted or point.expires_at is None:
                continue
            at = point.expires_at
            while at < simulation.end and machine.is_in_vault(at):
                task = _delete(simulation, vault, machine, point, at)
                yield task
                if task.outcome == "success":
                    break
                at += timedelta(days=1)  # with the next day's batch


def delete_manually(simulation: Simulation, vault: Vault, deleted: set[str]) -> Iterator[Task]:
    """Deletes many backups of the vault in one night; most vaults have no such night.

    Args:
        simulation: The simulation.
        vault: The vault.
        deleted: Receives the ids of the deleted backups.
    """
    nights = [
        _night(simulation, at)
        for at in poisson_times(simulation.random, 3000, simulation.start, simulation.end)
    ]
    if vault.is_anchor and "mass_delete" in simulation.required:
        nights.append(_night(simulation, simulation.required["mass_delete"]))
    for at in [*nights, *vault.bulk_deletions]:
        wanted = simulation.random.randrange(MASS_DELETE_SIZE + 2, MAX_MANUAL_DELETIONS)
        found = [one for one in _deletable(vault, at) if one[1].backup_id not in deleted]
        # By day the oldest might as well have expired: whoever deletes then takes the newest.
        found = found[-wanted:] if 8 <= at.hour < 20 else found[:wanted]
        if len(found) < MASS_DELETE_SIZE:
            continue
        gap = timedelta(minutes=simulation.random.uniform(15, 55)) / len(found)
        tasks = [
            _delete(simulation, vault, machine, point, at + place * gap, may_fail=False)
            for place, (machine, point) in enumerate(found)
        ]
        deleted |= {point.backup_id for _, point in found}
        ends_at = max(task.ended_at or at for task in tasks)
        simulation.record_episode("mass_delete", (at, ends_at), tuple(task.id for task in tasks), vault.id)
        yield from tasks


def _night(simulation: Simulation, about: datetime) -> datetime:
    midnight = about.replace(hour=0, minute=0, second=0, microsecond=0)
    night = midnight + timedelta(hours=simulation.random.uniform(-3, 6))
    return night if night >= simulation.start else night + timedelta(days=1)


def _deletable(vault: Vault, at: datetime) -> list[tuple[Machine, RecoveryPoint]]:
    """Recovery points present at a time and not used by any later task, oldest first."""
    found = [
        (machine, point)
        for machine in vault.machines
        if machine.is_in_vault(at + timedelta(hours=1))
        for point in machine.points
        if point.usable_at + UNUSED_AFTER < at
        and (point.expires_at is None or point.expires_at > at + timedelta(hours=1))
    ]
    return sorted(found, key=lambda one: (one[1].usable_at, one[1].backup_id))


def _delete(
    simulation: Simulation,
    vault: Vault,
    machine: Machine,
    point: RecoveryPoint,
    at: datetime,
    *,
    may_fail: bool = True,
) -> Task:
    has_failed = may_fail and simulation.happens(0.004)
    started = at + timedelta(seconds=simulation.random.uniform(0, 2))
    seconds = 25 * simulation.random.lognormvariate(0, 0.6)
    code = simulation.choose(DELETE_ERRORS) if has_failed else ""
    return simulation.task(
        vault,
        machine,
        "delete",
        at,
        blocks={"delete": {"backup_id": point.backup_id, "backup_name": point.name}},
        started=started,
        ended=started if code in IMMEDIATE_ERRORS else started + timedelta(seconds=seconds),
        outcome="failed" if has_failed else "success",
        error=error(code) if has_failed else ("", ""),
    )
