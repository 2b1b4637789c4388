"""Backups, by policy and by hand: the tasks, what they leave behind and what is told of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.backup_outcome import STUCK, Run, draw_run, is_slow
from cbr_emulator.estate.deletions import expiry
from cbr_emulator.estate.error_codes import ERRORS
from cbr_emulator.estate.model import EVERY_DAY, Machine, Misconfiguration, RecoveryPoint, Vault
from cbr_emulator.estate.replication import copies
from cbr_emulator.estate.restores import restore_some_day
from cbr_emulator.estate.simulation import Incident, Simulation
from cbr_emulator.estate.task import Task

NOT_CONSISTENT = "BackupService.7203"


def run_policy(
    world: Simulation, vault: Vault, machine: Machine, slot: datetime, checkpoint: str
) -> Iterator[Task]:
    """What a policy's run does with one machine: a backup and what follows from it, or a skip, or nothing."""
    created = slot + timedelta(seconds=world.random.uniform(0, 2))
    if machine.busy_until > created or machine.is_backed_up_elsewhere(created, created):
        yield _skip(world, vault, machine, created, checkpoint)
        return
    if _goes_missing(world, vault, machine, slot):
        world.tell("missed_slot", (slot, vault.next_slot(slot)), (), machine.id)
        return
    run = draw_run(world, vault, machine, created)
    # Another vault backs it up before this would end: the source lets neither run while the other does.
    if machine.is_backed_up_elsewhere(created, run.ended_at or world.end):
        yield _skip(world, vault, machine, created, checkpoint)
        return
    yield note_backup(world, vault, machine, created, run, checkpoint)
    if run.outcome in {"failed", "timeout"} and world.has_luck(0.3):
        machine.rerun_at = _next_working_morning(world, run.ended_at or created)
    if run.outcome == "success":
        yield from _follow_up(world, vault, machine, run)


def rerun(world: Simulation, vault: Vault, machine: Machine, before: datetime) -> Iterator[Task]:
    """Somebody's new try of what still fails, where its time comes before the policy's next run."""
    at = machine.rerun_at
    if at is None or at >= before:
        return
    machine.rerun_at = None
    if not machine.has_failed or machine.busy_until > at or not machine.is_in_vault(at):
        return
    if machine.is_backed_up_elsewhere(at, at + timedelta(hours=6)):
        return
    run = draw_run(world, vault, machine, at, by_hand=True)
    task = note_backup(world, vault.by_hand(), machine, at, run, world.new_id())
    world.tell("manual_rerun", (at, run.ended_at or world.end), (task.id,), machine.id)
    yield task


def note_backup(
    world: Simulation, vault: Vault, machine: Machine, created: datetime, run: Run, checkpoint: str
) -> Task:
    """The task of a run; the machine remembers it, and what it shows of episodes is told."""
    name = f"{'autobk' if vault.policy_id else 'manualbk'}_{machine.number:05d}"
    block: dict[str, Any] = {
        "backup_id": world.new_id(),
        "backup_name": f"{name}_{created:%Y%m%d%H%M}",
        "incremental": not run.is_full,
        "app_consistency_status": "0",
        "app_consistency_error_code": "",
        "app_consistency_error_message": "",
    }
    is_downgraded = vault.is_app_consistent and _make_consistent(world, vault, block, created, run)
    is_stuck = run.outcome == STUCK
    task = world.task(
        vault,
        machine,
        "backup",
        created,
        blocks={"backup": block},
        started=run.started_at,
        ended=run.ended_at,
        outcome="running" if is_stuck else run.outcome,
        error=run.error,
        checkpoint=checkpoint,
    )
    ended = run.ended_at or world.end
    machine.runs.append((created, ended))
    machine.busy_until = ended
    machine.has_failed = run.outcome in {"failed", "timeout"}
    _tell_changes(world, machine, task, ended)
    _tell_cause(machine, task, run, ended)
    if is_downgraded:
        world.tell("downgraded_consistency", (created, ended), (task.id,), machine.id)
    if is_stuck or (run.outcome == "timeout" and _is_hanging(world, task)):
        world.tell("stuck_task", (run.started_at, ended), (task.id,), machine.id)
    if run.outcome == "success":
        _keep(world, vault, machine, task, run)
    return task


def _keep(world: Simulation, vault: Vault, machine: Machine, task: Task, run: Run) -> None:
    """The recovery point of a successful backup; only those of a policy ever expire."""
    ended = run.ended_at or world.end
    seconds = (ended - run.started_at).total_seconds()
    if not run.is_full and is_slow(machine, seconds):
        world.tell("slow_run", (run.started_at, ended), (task.id,), machine.id)
    if not run.is_full:
        machine.lasted.append(seconds)
    machine.has_full = True
    block = task.blocks["backup"]
    expires_at = expiry(world, vault, ended) if vault.policy_id else None
    point = RecoveryPoint(
        block["backup_id"], block["backup_name"], ended, expires_at, task.checkpoint_id or ""
    )
    machine.points.append(point)


def _follow_up(world: Simulation, vault: Vault, machine: Machine, run: Run) -> Iterator[Task]:
    point = machine.points[-1]
    if vault.replicates:
        yield from copies(world, vault, machine, point, run.gb)
    yield from restore_some_day(world, vault, machine, point)


def _skip(world: Simulation, vault: Vault, machine: Machine, created: datetime, checkpoint: str) -> Task:
    return world.task(
        vault,
        machine,
        "backup",
        created,
        blocks={},
        started=None,
        ended=created,
        outcome="skipped",
        checkpoint=checkpoint,
    )


def _goes_missing(world: Simulation, vault: Vault, machine: Machine, slot: datetime) -> bool:
    # Only where a reader of the log can know that there should have been a run.
    if vault.weekdays != EVERY_DAY or len(vault.hours) > 4 or len(machine.lasted) < 5:
        return False
    if vault.has_moving_hours or machine.has_failed or machine.illness_at(slot):
        return False
    return (vault.is_anchor and world.owes("missed_slot", slot)) or world.has_luck(1 / 5000)


def _make_consistent(
    world: Simulation, vault: Vault, block: dict[str, Any], created: datetime, run: Run
) -> bool:
    """Marks a backup as application-consistent; some turn out not to be, and are told."""
    if run.outcome != "success":
        return False
    is_owed = vault.is_anchor and world.owes("downgraded_consistency", created)
    if not is_owed and not world.has_luck(0.03):
        block["app_consistency_status"] = "1"
        block["app_consistency_error_code"] = "0"
        return False
    block["app_consistency_error_code"] = NOT_CONSISTENT
    block["app_consistency_error_message"] = ERRORS[NOT_CONSISTENT]
    return True


def _tell_changes(world: Simulation, machine: Machine, task: Task, ended: datetime) -> None:
    if machine.enrolled_at is not None and len(machine.runs) == 1:
        world.tell("enrolment", (machine.enrolled_at, ended), (task.id,), machine.id)
    if machine.renamed is not None and not machine.is_rename_told and task.created_at >= machine.renamed[0]:
        renamed_at = machine.renamed[0]
        machine.is_rename_told = True
        world.tell("renamed", (renamed_at, renamed_at), (task.id,), machine.id)


def _tell_cause(machine: Machine, task: Task, run: Run, ended: datetime) -> None:
    if isinstance(run.cause, Incident):
        run.cause.failed.append(task.id)
    elif isinstance(run.cause, list):
        run.cause.append(task.id)
    illness = machine.illness_at(task.created_at)
    if illness is not None and (run.outcome == "success" or isinstance(run.cause, Misconfiguration)):
        has_failed = run.outcome == "failed"
        illness.attempts.append((task.created_at, ended, task.id, has_failed))


def _is_hanging(world: Simulation, task: Task) -> bool:
    """Whether a task that will time out is long open at the present."""
    started, ended = task.started_at, task.ended_at
    if started is None or ended is None:
        return False
    return started + timedelta(hours=4) < world.now < ended


def _next_working_morning(world: Simulation, after: datetime) -> datetime:
    day = after if after.hour < 8 else after + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    morning = day.replace(hour=8, minute=0, second=0, microsecond=0)
    return morning + timedelta(seconds=world.random.uniform(0, 2 * 3600))
