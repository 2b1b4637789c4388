"""Copies to another region: once a day, five hours after the first backups, retried on later days."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from cbr_emulator.estate.episodes import REGION, Episode
from cbr_emulator.estate.error_codes import COPY_ERRORS, error
from cbr_emulator.estate.model import Machine, RecoveryPoint, Vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task

AFTER_BACKUP_HOURS = 5
MAX_ATTEMPTS = 4
GB_PER_SECOND = 0.028
LATE = timedelta(hours=26)
"""One day, and two hours for the transfer: a later copy was not made in the first run after the backup."""


def copies(
    simulation: Simulation, vault: Vault, machine: Machine, point: RecoveryPoint, gb: float
) -> Iterator[Task]:
    """The attempts to copy a recovery point, up to the first success."""
    for destination in vault.destinations:
        yield from _copies_to(simulation, vault, machine, point, gb, destination)


def _copies_to(  # a copy has this many attributes
    simulation: Simulation, vault: Vault, machine: Machine, point: RecoveryPoint, gb: float, destination: str
) -> Iterator[Task]:
    at = _first_slot(simulation, vault, point.usable_at)
    must_be_late = vault.is_anchor and simulation.must_happen("late_copy", point.usable_at)
    if must_be_late:
        del simulation.required["late_copy"]
    for attempt in range(MAX_ATTEMPTS):
        if at >= simulation.end or not vault.keeps(machine, at):
            return
        has_failed = attempt == 0 if must_be_late else simulation.happens(0.018)
        yield _copy(simulation, vault, machine, point, at, gb, destination=destination, has_failed=has_failed)
        if not has_failed:
            return
        at += timedelta(days=1)


def late_copies(tasks: Iterable[Task]) -> Iterator[Episode]:
    """Episodes of copies that were finished late, found in the tasks."""
    usable_at: dict[str, datetime] = {}
    attempts: dict[tuple[str, str], list[Task]] = defaultdict(list)
    for task in tasks:
        if task.operation_type == "backup" and task.outcome == "success" and task.ended_at is not None:
            usable_at[task.blocks["backup"]["backup_id"]] = task.ended_at
        elif task.operation_type == "replication":
            block = task.blocks["replication"]
            attempts[block["source_backup_id"], block["destination_region"]].append(task)
    for (backup_id, _), copied in attempts.items():
        last = copied[-1]
        if last.outcome != "success" or last.ended_at is None or last.resource is None:
            continue
        if last.ended_at - usable_at[backup_id] > LATE:
            ids = tuple(task.id for task in copied)
            yield Episode("late_copy", usable_at[backup_id], last.ended_at, ids, last.resource["id"])


def _first_slot(simulation: Simulation, vault: Vault, usable_at: datetime) -> datetime:
    hour = (vault.hours_at(usable_at)[0] + AFTER_BACKUP_HOURS) % 24
    local = usable_at.astimezone(vault.zone).replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    slot = local.astimezone(UTC) + timedelta(seconds=simulation.random.uniform(0, 600))
    return slot if slot > usable_at else slot + timedelta(days=1)


def _copy(  # noqa: PLR0913  # a copy has this many attributes
    simulation: Simulation,
    vault: Vault,
    machine: Machine,
    point: RecoveryPoint,
    at: datetime,
    gb: float,
    *,
    destination: str,
    has_failed: bool,
) -> Task:
    random = simulation.random
    started = at + timedelta(seconds=240 * random.lognormvariate(0, 1))
    seconds = 45.0 if has_failed else 30 + gb / GB_PER_SECOND
    block = {
        "source_backup_id": point.backup_id,
        "source_backup_name": point.name,
        "source_checkpoint_id": point.checkpoint_id,
        "source_project_id": None,
        "source_region": REGION,
        "destination_backup_id": None if has_failed else simulation.new_id(),
        "destination_backup_name": point.name,
        "destination_checkpoint_id": simulation.new_id(),
        "destination_project_id": "5b1a0c6d7e8f49a0b1c2d3e4f5a6b7c8",
        "destination_region": destination,
    }
    return simulation.task(
        vault,
        machine,
        "replication",
        at,
        blocks={"replication": block},
        started=started,
        ended=started + timedelta(seconds=seconds * random.lognormvariate(0, 0.2)),
        outcome="failed" if has_failed else "success",
        error=error(simulation.choose(COPY_ERRORS)) if has_failed else ("", ""),
    )
