"""Deletions: of what is too old, by day, and now and then of a whole vault's backups, by hand at night."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cbr_emulator.estate.error_codes import OF_DELETIONS, REFUSED_AT_ONCE, error
from cbr_emulator.estate.model import Machine, RecoveryPoint, Vault
from cbr_emulator.estate.scenario import moments
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.task import Task

MADE = 0.97
"""The share of backups that were made before the estate begins."""

SETTLED = timedelta(days=4)
"""Nothing is copied or restored from a recovery point of that age any more."""

BURST = 20
"""Fewer deletions by hand than that are no mass delete."""

MOST_BY_HAND = 45
"""Nobody deletes more in a night."""


def expiry(world: Simulation, vault: Vault, usable_at: datetime) -> datetime:
    """When a recovery point is deleted as too old: the day after it expires, by day."""
    day = usable_at + vault.retention + timedelta(days=1)
    eight = day.replace(hour=8, minute=0, second=0, microsecond=0)
    return eight + timedelta(seconds=world.random.uniform(0, 12 * 3600 - 1))


def old_points(world: Simulation, vault: Vault, machine: Machine) -> Iterator[RecoveryPoint]:
    """Recovery points that were made before the estate begins, and are still there then."""
    if machine.enrolled_at is not None:
        return
    checkpoint = world.new_id()
    for slot in vault.slots(world.start - vault.retention - timedelta(days=3), world.start):
        if not world.has_luck(MADE):
            continue
        usable_at = min(slot + timedelta(seconds=world.random.uniform(100, 900)), world.start)
        expires_at = expiry(world, vault, usable_at)
        if expires_at >= world.start:
            name = f"autobk_{machine.number:05d}_{slot:%Y%m%d%H%M}"
            yield RecoveryPoint(world.new_id(), name, usable_at, expires_at, checkpoint)


def delete_expired(world: Simulation, vault: Vault, gone: set[str]) -> Iterator[Task]:
    """Deletes what is too old, unless it is gone already.

    Args:
        world: The estate.
        vault: The vault.
        gone: Ids of backups that were deleted by hand.
    """
    for machine in vault.machines:
        for point in machine.points:
            if point.backup_id in gone or point.expires_at is None:
                continue
            at = point.expires_at
            while at < world.end and machine.is_in_vault(at):
                task = _delete(world, vault, machine, point, at)
                yield task
                if task.outcome == "success":
                    break
                at += timedelta(days=1)  # with the next day's batch


def delete_by_hand(world: Simulation, vault: Vault, gone: set[str]) -> Iterator[Task]:
    """Deletes many backups of the vault in one night, where that befalls it.

    Args:
        world: The estate.
        vault: The vault.
        gone: Takes the ids of the backups that are deleted.
    """
    nights = [_night(world, at) for at in moments(world.random, 3000, world.start, world.end)]
    if vault.is_anchor and "mass_delete" in world.owed:
        nights.append(_night(world, world.owed["mass_delete"]))
    for at in nights:
        wanted = world.random.randrange(BURST + 2, MOST_BY_HAND)
        found = [one for one in _deletable(vault, at) if one[1].backup_id not in gone][:wanted]
        if len(found) < BURST:
            continue
        gap = timedelta(minutes=world.random.uniform(15, 55)) / len(found)
        tasks = [
            _delete(world, vault, machine, point, at + place * gap, may_fail=False)
            for place, (machine, point) in enumerate(found)
        ]
        gone |= {point.backup_id for _, point in found}
        ends_at = max(task.ended_at or at for task in tasks)
        world.tell("mass_delete", (at, ends_at), tuple(task.id for task in tasks), vault.id)
        yield from tasks


def _night(world: Simulation, about: datetime) -> datetime:
    midnight = about.replace(hour=0, minute=0, second=0, microsecond=0)
    night = midnight + timedelta(hours=world.random.uniform(-3, 6))
    return night if night >= world.start else night + timedelta(days=1)


def _deletable(vault: Vault, at: datetime) -> list[tuple[Machine, RecoveryPoint]]:
    """Recovery points that are there at a time and that nothing else will happen to, oldest first."""
    found = [
        (machine, point)
        for machine in vault.machines
        if machine.is_in_vault(at + timedelta(hours=1))
        for point in machine.points
        if point.usable_at + SETTLED < at
        and (point.expires_at is None or point.expires_at > at + timedelta(hours=1))
    ]
    return sorted(found, key=lambda one: (one[1].usable_at, one[1].backup_id))


def _delete(
    world: Simulation,
    vault: Vault,
    machine: Machine,
    point: RecoveryPoint,
    at: datetime,
    *,
    may_fail: bool = True,
) -> Task:
    has_failed = may_fail and world.has_luck(0.004)
    started = at + timedelta(seconds=world.random.uniform(0, 2))
    seconds = 25 * world.random.lognormvariate(0, 0.6)
    code = world.pick(OF_DELETIONS) if has_failed else ""
    return world.task(
        vault,
        machine,
        "delete",
        at,
        blocks={"delete": {"backup_id": point.backup_id, "backup_name": point.name}},
        started=started,
        ended=started if code in REFUSED_AT_ONCE else started + timedelta(seconds=seconds),
        outcome="failed" if has_failed else "success",
        error=error(code) if has_failed else ("", ""),
    )
