"""What happens in a vault, slot by slot, and what its end brings to light."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from cbr_emulator.estate.backups import rerun, run_policy
from cbr_emulator.estate.deletions import delete_by_hand, delete_expired, old_points
from cbr_emulator.estate.episodes import REGION
from cbr_emulator.estate.model import Misconfiguration, Vault
from cbr_emulator.estate.removals_and_maintenance import removals, remove_leavers
from cbr_emulator.estate.restores import rehearse
from cbr_emulator.estate.schedule_changes import tell_moves
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import FULL_FOR


def live(world: Simulation, vault: Vault) -> Iterator[Task]:
    """All tasks of a vault, in no order."""
    if vault.is_anchor:
        _fill_up(world, vault)
    for machine in vault.machines:
        machine.points += old_points(world, vault, machine)
    world.machines += [(vault, machine) for machine in vault.machines]
    yield from _run(world, vault)
    gone: set[str] = set()
    yield from delete_by_hand(world, vault, gone)
    yield from delete_expired(world, vault, gone)
    yield from rehearse(world, vault, gone)
    yield from removals(world, vault, gone)
    for begin, end, failed in vault.full:
        if failed:
            world.tell("vault_full", (begin, end), tuple(failed), vault.id)
    for machine in vault.machines:
        if machine.enrolled_at is not None and not machine.runs:
            world.tell("enrolment", (machine.enrolled_at, world.end), (), machine.id)


def _run(world: Simulation, vault: Vault) -> Iterator[Task]:
    """The runs of the vault's policy, and what follows from each."""
    runs: dict[datetime, list[str]] = {}
    for slot in vault.slots(world.start, world.end):
        remove_leavers(vault, slot)
        checkpoint = world.new_id()
        for machine in vault.machines:
            if machine.is_in_vault(slot):
                yield from rerun(world, vault, machine, slot)
                made = list(run_policy(world, vault, machine, slot, checkpoint))
                runs.setdefault(slot, []).extend(task.id for task in made[:1])  # the backup comes first
                yield from made
    if vault.has_moving_hours:
        tell_moves(world, vault, runs)


def tell_troubles(world: Simulation) -> None:
    """Tells, once all vaults have lived, what goes beyond one of them: incidents and failing streaks."""
    for incident in world.incidents:
        if incident.failed:
            span = (incident.begins_at, incident.ends_at)
            world.tell("incident", span, tuple(incident.failed), REGION)
    for resource_id, illness in world.illnesses:
        _tell_streaks(world, resource_id, illness)


def _tell_streaks(world: Simulation, resource_id: str, illness: Misconfiguration) -> None:
    """A success in between ends a streak, as it does for whoever reads the log."""
    for has_failed, group in groupby(sorted(illness.attempts), key=lambda attempt: attempt[3]):
        attempts = list(group)
        if has_failed and len(attempts) > 1:
            ids = tuple(attempt[2] for attempt in attempts)
            world.tell("failing_streak", (attempts[0][0], attempts[-1][1]), ids, resource_id)


def _fill_up(world: Simulation, vault: Vault) -> None:
    """Lets the anchor run full where no other vault did; not while the region has its first incident."""
    due = world.owed.pop("vault_full", None)
    if due is None:
        return
    for slot in vault.slots(max(world.start, due), world.now):
        if not any(_touch(slot, slot + FULL_FOR, one.begins_at, one.ends_at) for one in world.incidents[:1]):
            vault.full.append((slot, slot + FULL_FOR, []))
            return


def _touch(begin: datetime, end: datetime, other: datetime, other_end: datetime) -> bool:
    return begin < other_end and other < end
