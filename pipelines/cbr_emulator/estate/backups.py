"""Scheduled and manual backups: the tasks, the recovery points they create and the episodes they show."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.backup_outcome import STUCK, Run, draw_run, is_slow
from cbr_emulator.estate.deletions import expiry
from cbr_emulator.estate.error_codes import ERRORS
from cbr_emulator.estate.lasting_changes import Misconfiguration
from cbr_emulator.estate.model import EVERY_DAY, Machine, RecoveryPoint, Vault
from cbr_emulator.estate.replication import copies
from cbr_emulator.estate.restores import maybe_restore
from cbr_emulator.estate.simulation_state import Incident, Simulation
from cbr_emulator.estate.task import Task

NOT_CONSISTENT = "BackupService.7203"


def run_policy(
    simulation: Simulation, vault: Vault, machine: Machine, slot: datetime, checkpoint: str
) -> Iterator[Task]:
    """One policy run for one machine: a backup and its follow-up tasks, a skipped task, or nothing."""
    created = slot + timedelta(seconds=simulation.random.uniform(0, 2))
    if machine.busy_until > created or machine.is_backed_up_elsewhere(created, created):
        yield _skip(simulation, vault, machine, created, checkpoint)
        return
    if _is_missed(simulation, vault, machine, slot):
        simulation.record_episode("missed_slot", (slot, vault.next_slot(slot)), (), machine.id)
        return
    run = draw_run(simulation, vault, machine, created)
    # CBR skips a backup while another vault backs up the same resource.
    if machine.is_backed_up_elsewhere(created, run.busy_until):
        yield _skip(simulation, vault, machine, created, checkpoint)
        return
    yield make_backup_task(simulation, vault, machine, created, run, checkpoint)
    if run.outcome in {"failed", "timeout"} and simulation.happens(0.3):
        machine.rerun_at = _next_working_morning(simulation, run.ended_at or created)
    if run.outcome == "success":
        yield from _follow_up(simulation, vault, machine, run)


def rerun(simulation: Simulation, vault: Vault, machine: Machine, before: datetime) -> Iterator[Task]:
    """A manual retry of a failed backup, if it is due before the policy's next run."""
    at = machine.rerun_at
    if at is None or at >= before:
        return
    machine.rerun_at = None
    if not machine.has_failed or machine.busy_until > at or not machine.is_in_vault(at):
        return
    if machine.is_backed_up_elsewhere(at, at + timedelta(hours=6)):
        return
    run = draw_run(simulation, vault, machine, at, is_manual=True)
    if machine.is_backed_up_elsewhere(at, run.busy_until):
        return
    task = make_backup_task(simulation, vault.without_policy(), machine, at, run, simulation.new_id())
    simulation.record_episode("manual_rerun", (at, run.ended_at or simulation.end), (task.id,), machine.id)
    yield task


def make_backup_task(
    simulation: Simulation, vault: Vault, machine: Machine, created: datetime, run: Run, checkpoint: str
) -> Task:
    """Creates the task of a backup, updates the machine's state and records episodes."""
    name = f"{'autobk' if vault.policy_id else 'manualbk'}_{machine.number:05d}"
    block: dict[str, Any] = {
        "backup_id": simulation.new_id(),
        "backup_name": f"{name}_{created:%Y%m%d%H%M}",
        "incremental": not run.is_full,
        "app_consistency_status": "0",
        "app_consistency_error_code": "",
        "app_consistency_error_message": "",
    }
    is_downgraded = vault.is_app_consistent and _make_consistent(simulation, vault, block, created, run)
    is_stuck = run.outcome == STUCK
    task = simulation.task(
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
    ended = run.ended_at or simulation.end
    machine.runs.append((created, run.busy_until))
    machine.busy_until = run.busy_until
    machine.has_failed = run.outcome in {"failed", "timeout"}
    _record_changes(simulation, machine, task, ended)
    if run.is_slowed and machine.slowdown is not None:
        machine.slowdown.slowed.append((created, ended, task.id))
    _record_cause(machine, task, run, ended)
    if is_downgraded:
        simulation.record_episode("downgraded_consistency", (created, ended), (task.id,), machine.id)
    if is_stuck or (run.outcome == "timeout" and _is_open_for_hours(simulation, task)):
        simulation.record_episode("stuck_task", (run.started_at, ended), (task.id,), machine.id)
    if run.outcome == "success":
        _add_recovery_point(simulation, vault, machine, task, run)
    return task


def _add_recovery_point(simulation: Simulation, vault: Vault, machine: Machine, task: Task, run: Run) -> None:
    """Adds the recovery point of a successful backup; only points created by a policy expire."""
    ended = run.ended_at or simulation.end
    seconds = (ended - run.started_at).total_seconds()
    if not run.is_full and is_slow(machine, seconds):
        simulation.record_episode("slow_run", (run.started_at, ended), (task.id,), machine.id)
    if not run.is_full:
        machine.recent_seconds.append(seconds)
    machine.has_full = True
    block = task.blocks["backup"]
    expires_at = expiry(simulation, vault, ended) if vault.policy_id else None
    point = RecoveryPoint(
        block["backup_id"], block["backup_name"], ended, expires_at, task.checkpoint_id or ""
    )
    machine.points.append(point)


def _follow_up(simulation: Simulation, vault: Vault, machine: Machine, run: Run) -> Iterator[Task]:
    point = machine.points[-1]
    if vault.replicates:
        yield from copies(simulation, vault, machine, point, run.gb)
    yield from maybe_restore(simulation, vault, machine, point)


def _skip(simulation: Simulation, vault: Vault, machine: Machine, created: datetime, checkpoint: str) -> Task:
    return simulation.task(
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


def _is_missed(simulation: Simulation, vault: Vault, machine: Machine, slot: datetime) -> bool:
    if slot.date() in machine.misses_on:
        return True
    # Only where the log shows that a run was due; otherwise a reader cannot detect it.
    if vault.weekdays != EVERY_DAY or len(vault.hours) > 4 or len(machine.recent_seconds) < 5:
        return False
    if vault.has_changing_hours or machine.has_failed or machine.misconfiguration_at(slot):
        return False
    return (vault.is_anchor and simulation.must_happen("missed_slot", slot)) or simulation.happens(1 / 5000)


def _make_consistent(
    simulation: Simulation, vault: Vault, block: dict[str, Any], created: datetime, run: Run
) -> bool:
    """Marks a backup as application-consistent; returns True for the few that were downgraded."""
    if run.outcome != "success":
        return False
    is_required = vault.is_anchor and simulation.must_happen("downgraded_consistency", created)
    if not is_required and not simulation.happens(0.03):
        block["app_consistency_status"] = "1"
        block["app_consistency_error_code"] = "0"
        return False
    block["app_consistency_error_code"] = NOT_CONSISTENT
    block["app_consistency_error_message"] = ERRORS[NOT_CONSISTENT]
    return True


def _record_changes(simulation: Simulation, machine: Machine, task: Task, ended: datetime) -> None:
    if machine.enrolled_at is not None and len(machine.runs) == 1:
        simulation.record_episode("enrolment", (machine.enrolled_at, ended), (task.id,), machine.id)
    if (
        machine.renamed is not None
        and not machine.is_rename_recorded
        and task.created_at >= machine.renamed[0]
    ):
        renamed_at = machine.renamed[0]
        machine.is_rename_recorded = True
        simulation.record_episode("renamed", (renamed_at, renamed_at), (task.id,), machine.id)


def _record_cause(machine: Machine, task: Task, run: Run, ended: datetime) -> None:
    if isinstance(run.cause, Incident):
        run.cause.failed.append(task.id)
    elif isinstance(run.cause, list):
        run.cause.append(task.id)
    misconfiguration = machine.misconfiguration_at(task.created_at)
    if misconfiguration is not None and (run.outcome == "success" or isinstance(run.cause, Misconfiguration)):
        has_failed = run.outcome == "failed"
        misconfiguration.attempts.append((task.created_at, ended, task.id, has_failed))


def _is_open_for_hours(simulation: Simulation, task: Task) -> bool:
    """Whether a task that will time out has been open for hours at the present."""
    started, ended = task.started_at, task.ended_at
    if started is None or ended is None:
        return False
    return started + timedelta(hours=4) < simulation.now < ended


def _next_working_morning(simulation: Simulation, after: datetime) -> datetime:
    day = after if after.hour < 8 else after + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    morning = day.replace(hour=8, minute=0, second=0, microsecond=0)
    return morning + timedelta(seconds=simulation.random.uniform(0, 2 * 3600))
