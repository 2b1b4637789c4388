"""One run of a backup: what comes of it and how long it takes. Nothing is remembered here."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from cbr_emulator.estate.error_codes import BY_CHANCE, REGION_STRUCK, VAULT_FULL, error
from cbr_emulator.estate.model import Machine, Misconfiguration, Vault
from cbr_emulator.estate.simulation import Incident, Simulation
from cbr_emulator.estate.vault_factory import MEDIAN_GB

PEAK = (23, 0, 1, 2, 3)
"""Hours in which most policies run: tasks wait longer and fail more often."""

STUCK = "stuck"
"""The outcome of a run that never ends."""


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes:
        outcome: success, failed, timeout or stuck.
        error: Code and text where it failed.
        started_at: When it started.
        ended_at: When it ended; None where it never does.
        is_full: Whether it is a full backup.
        gb: How much was read.
        cause: The illness, incident or full vault that it failed of.
    """

    outcome: str
    error: tuple[str, str]
    started_at: datetime
    ended_at: datetime | None
    is_full: bool
    gb: float
    cause: Misconfiguration | Incident | list[str] | None = None


def draw_run(
    world: Simulation, vault: Vault, machine: Machine, created: datetime, *, by_hand: bool = False
) -> Run:
    """Draws what comes of a backup."""
    random = world.random
    is_peak = created.hour in PEAK
    started = created + timedelta(seconds=random.lognormvariate(math.log(70 if is_peak else 18), 0.9))
    if world.has_luck(0.0005):
        started = created - timedelta(milliseconds=random.choice((3, 32, 150)))
    is_full = not machine.has_full or (world.has_luck(1 / 30) and not by_hand)
    failure = _failure(world, vault, machine, created, 0.06 if by_hand else _risk(vault, machine, is_peak))
    if failure is not None:
        code, cause = failure
        ended = started + timedelta(seconds=45 * random.lognormvariate(0, 1.2))
        return Run("failed", error(code), started, ended, is_full, 0, cause)
    if not by_hand and world.has_luck(4e-4):
        return Run("timeout", ("", ""), started, started + timedelta(hours=24), is_full, 0)
    gb, seconds = _work(world, machine, is_full=is_full)
    if not by_hand and _gets_stuck(world, vault, machine, created):
        return Run(STUCK, ("", ""), started, None, is_full, gb)
    if world.incident_at(created):
        seconds = min(seconds * random.uniform(1.5, 6), max(seconds, 6 * 3600))
    elif not by_hand and not is_full and _crawls(world, vault, machine, created):
        usual = median(machine.lasted)
        seconds = max(10 * usual, usual + random.uniform(1200, 3000))
    return Run("success", ("", ""), started, started + timedelta(seconds=seconds), is_full, gb)


def is_slow(machine: Machine, seconds: float) -> bool:
    """Whether an incremental backup took much longer than the resource's earlier ones."""
    if len(machine.lasted) < 10 or seconds < 600:
        return False
    usual = median(machine.lasted)
    return seconds > 5 * usual and seconds > usual + 600


def _failure(
    world: Simulation, vault: Vault, machine: Machine, created: datetime, risk: float
) -> tuple[str, Misconfiguration | Incident | list[str] | None] | None:
    for begin, end, failed in vault.full:
        if begin <= created < end:
            return VAULT_FULL, failed
    illness = machine.illness_at(created)
    if illness is not None and world.has_luck(illness.share):
        return illness.code, illness
    incident = world.incident_at(created)
    if incident is not None:
        # What every estate shows must show: where few were hit so far, the anchor is hit hard.
        share = 0.9 if vault.is_anchor and len(incident.failed) < 10 else incident.share
        if world.has_luck(share):
            return REGION_STRUCK, incident
    return (world.pick(BY_CHANCE), None) if world.has_luck(risk) else None


def _risk(vault: Vault, machine: Machine, is_peak: bool) -> float:
    size = math.log(machine.size_gb / MEDIAN_GB[machine.kind], 4)
    logit = -5.6 + 0.9 * machine.frailty + 0.35 * size + 0.35 * is_peak + 0.25 * (len(vault.hours) > 1)
    return 1 / (1 + math.exp(-logit))


def _work(world: Simulation, machine: Machine, *, is_full: bool) -> tuple[float, float]:
    """GB read and seconds taken. A resource keeps its habits: runs of the same kind differ little."""
    random = world.random
    if is_full:
        gb = machine.size_gb * random.uniform(0.5, 0.95)
    else:
        gb = machine.size_gb * machine.changing * random.lognormvariate(0, 0.2)
    overhead = machine.overhead_seconds * random.lognormvariate(0, 0.15)
    return gb, overhead + gb / (machine.gb_a_second * random.lognormvariate(0, 0.12))


def _gets_stuck(world: Simulation, vault: Vault, machine: Machine, created: datetime) -> bool:
    is_owed = vault.is_anchor and machine.has_full and world.owes("stuck_task", created)
    return is_owed or world.has_luck(2e-5)


def _crawls(world: Simulation, vault: Vault, machine: Machine, created: datetime) -> bool:
    if len(machine.lasted) < 10:
        return False
    return (vault.is_anchor and world.owes("slow_run", created)) or world.has_luck(1 / 8000)
