"""Simulates a vault, run by run, and records the episodes that are known only at its end."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from cbr_emulator.estate.backups import rerun, run_policy
from cbr_emulator.estate.deletions import (
    change_retention,
    delete_expired,
    delete_manually,
    existing_recovery_points,
)
from cbr_emulator.estate.episodes import REGION
from cbr_emulator.estate.lasting_changes import Misconfiguration
from cbr_emulator.estate.model import Vault
from cbr_emulator.estate.removals_and_maintenance import apply_removal, removals
from cbr_emulator.estate.restores import run_restore_drill
from cbr_emulator.estate.schedule_changes import record_schedule_changes
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import FULL_FOR


def run_vault(simulation: Simulation, vault: Vault) -> Iterator[Task]:
    """All tasks of a vault, unordered."""
    if vault.is_anchor:
        _fill_anchor(simulation, vault)
    for machine in vault.machines:
        machine.points += existing_recovery_points(simulation, vault, machine)
    simulation.machines += [(vault, machine) for machine in vault.machines]
    yield from _run(simulation, vault)
    change_retention(simulation, vault)
    deleted: set[str] = set()
    yield from delete_manually(simulation, vault, deleted)
    yield from delete_expired(simulation, vault, deleted)
    yield from run_restore_drill(simulation, vault, deleted)
    yield from removals(simulation, vault, deleted)
    for begin, end, failed in vault.full:
        if failed:
            simulation.record_episode("vault_full", (begin, end), tuple(failed), vault.id)
    for machine in vault.machines:
        if machine.enrolled_at is not None and not machine.runs:
            simulation.record_episode("enrolment", (machine.enrolled_at, simulation.end), (), machine.id)


def _run(simulation: Simulation, vault: Vault) -> Iterator[Task]:
    """The runs of the vault's policy with their follow-up tasks."""
    runs: dict[datetime, list[str]] = {}
    for slot in vault.slots(simulation.start, simulation.end):
        apply_removal(vault, slot)
        checkpoint = simulation.new_id()
        for place, machine in enumerate(vault.machines):
            at = slot + place * vault.stagger
            if machine.is_in_vault(at) and not machine.is_stopped(at):
                yield from rerun(simulation, vault, machine, at)
                made = list(run_policy(simulation, vault, machine, at, checkpoint))
                runs.setdefault(slot, []).extend(task.id for task in made[:1])  # the backup comes first
                yield from made
    if vault.has_changing_hours:
        record_schedule_changes(simulation, vault, runs)


def record_shared_episodes(simulation: Simulation) -> None:
    """Records, after all vaults are simulated, episodes across vaults: incidents and failing streaks."""
    for incident in simulation.incidents:
        if incident.failed:
            span = (incident.begins_at, incident.ends_at)
            simulation.record_episode("incident", span, tuple(incident.failed), REGION)
    for resource_id, misconfiguration in simulation.misconfigurations:
        record_streaks(simulation, resource_id, misconfiguration)


def record_streaks(simulation: Simulation, resource_id: str, misconfiguration: Misconfiguration) -> None:
    """Records streaks of failures; a success in between ends a streak."""
    for has_failed, group in groupby(sorted(misconfiguration.attempts), key=lambda attempt: attempt[3]):
        attempts = list(group)
        if has_failed and len(attempts) > 1:
            ids = tuple(attempt[2] for attempt in attempts)
            simulation.record_episode("failing_streak", (attempts[0][0], attempts[-1][1]), ids, resource_id)


def _fill_anchor(simulation: Simulation, vault: Vault) -> None:
    """Makes the anchor exceed its capacity if no other vault did, but not during the first incident."""
    due = simulation.required.pop("vault_full", None)
    if due is None:
        return
    for slot in vault.slots(max(simulation.start, due), simulation.now):
        if not any(
            _overlap(slot, slot + FULL_FOR, one.begins_at, one.ends_at) for one in simulation.incidents[:1]
        ):
            vault.full.append((slot, slot + FULL_FOR, []))
            return


def _overlap(begin: datetime, end: datetime, other: datetime, other_end: datetime) -> bool:
    return begin < other_end and other < end
