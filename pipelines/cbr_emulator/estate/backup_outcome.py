"""Draws the outcome and duration of one backup. Keeps no state."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from cbr_emulator.estate.error_codes import INCIDENT_ERROR, RANDOM_ERRORS, VAULT_FULL, error
from cbr_emulator.estate.lasting_changes import Misconfiguration
from cbr_emulator.estate.model import Machine, Vault
from cbr_emulator.estate.simulation_state import Incident, Simulation
from cbr_emulator.estate.vault_factory import MEDIAN_GB

PEAK = (23, 0, 1, 2, 3)
"""Hours (UTC) in which most policies run: tasks wait longer and fail more often."""

STUCK = "stuck"
"""Outcome of a backup that never ends."""

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """Outcome of one backup.

    Attributes:
        outcome: success, failed, timeout or stuck.
        error: Error code and message; empty without a failure.
        started_at: When it started.
        ended_at: When it ended; None if it never does.
        is_full: Whether it is a full backup.
        gb: Gigabytes read.
        cause: What made it fail: a misconfiguration, an incident, or the list of failures of a full vault.
        is_slowed: Whether it took longer because of a slowdown of its machine.
    """

    outcome: str
    error: tuple[str, str]
    started_at: datetime
    ended_at: datetime | None
    is_full: bool
    gb: float
    cause: Misconfiguration | Incident | list[str] | None = None
    is_slowed: bool = False

    @property
    def busy_until(self) -> datetime:
        """When its resource can be backed up again: never, if it does not end."""
        return self.ended_at or NEVER


def draw_run(
    simulation: Simulation, vault: Vault, machine: Machine, created: datetime, *, is_manual: bool = False
) -> Run:
    """Draws the outcome of a backup."""
    random = simulation.random
    is_peak = created.hour in PEAK
    started = created + timedelta(seconds=random.lognormvariate(math.log(70 if is_peak else 18), 0.9))
    if simulation.happens(0.0005):
        started = created - timedelta(milliseconds=random.choice((3, 32, 150)))
    is_full = not machine.has_full or (simulation.happens(1 / 30) and not is_manual)
    failure = _failure(
        simulation, vault, machine, created, 0.06 if is_manual else _risk(vault, machine, is_peak)
    )
    if failure is not None:
        code, cause = failure
        ended = started + timedelta(seconds=45 * random.lognormvariate(0, 1.2))
        return Run("failed", error(code), started, ended, is_full, 0, cause)
    if not is_manual and simulation.happens(4e-4):
        return Run("timeout", ("", ""), started, started + timedelta(hours=24), is_full, 0)
    gb, seconds = _draw_size_and_duration(simulation, machine, is_full=is_full)
    if not is_manual and _gets_stuck(simulation, vault, machine, created):
        return Run(STUCK, ("", ""), started, None, is_full, gb)
    slowed = None if is_full or is_manual else _slowed_seconds(machine, created)
    if slowed is not None:
        seconds = slowed
    elif simulation.incident_at(created):
        seconds = min(seconds * random.uniform(1.5, 6), max(seconds, 6 * 3600))
    elif not is_manual and not is_full and _is_slowed_down(simulation, vault, machine, created):
        usual = median(machine.recent_seconds)
        seconds = max(10 * usual, usual + random.uniform(1200, 3000))
    ended = started + timedelta(seconds=seconds)
    return Run("success", ("", ""), started, ended, is_full, gb, is_slowed=slowed is not None)


def is_slow(machine: Machine, seconds: float) -> bool:
    """Whether an incremental backup took much longer than the earlier ones of the resource."""
    if len(machine.recent_seconds) < 10 or seconds < 600:
        return False
    usual = median(machine.recent_seconds)
    return seconds > 5 * usual and seconds > usual + 600


def _failure(
    simulation: Simulation, vault: Vault, machine: Machine, created: datetime, risk: float
) -> tuple[str, Misconfiguration | Incident | list[str] | None] | None:
    for begin, end, failed in vault.full:
        if begin <= created < end:
            return VAULT_FULL, failed
    misconfiguration = machine.misconfiguration_at(created)
    if misconfiguration is not None and simulation.happens(misconfiguration.share):
        return misconfiguration.code, misconfiguration
    incident = simulation.incident_at(created)
    if incident is not None:
        # The incident must be visible in every estate: the anchor fails if few backups have failed so far.
        share = 0.9 if vault.is_anchor and len(incident.failed) < 10 else incident.share
        if simulation.happens(share):
            return INCIDENT_ERROR, incident
    return (simulation.choose(RANDOM_ERRORS), None) if simulation.happens(risk) else None


def _risk(vault: Vault, machine: Machine, is_peak: bool) -> float:
    size = math.log(machine.size_gb / MEDIAN_GB[machine.kind], 4)
    logit = (
        -5.6 + 0.9 * machine.failure_tendency + 0.35 * size + 0.35 * is_peak + 0.25 * (len(vault.hours) > 1)
    )
    return 1 / (1 + math.exp(-logit))


def _draw_size_and_duration(
    simulation: Simulation, machine: Machine, *, is_full: bool
) -> tuple[float, float]:
    """Gigabytes read and seconds taken; runs of the same resource and kind differ little."""
    random = simulation.random
    if is_full:
        gb = machine.size_gb * random.uniform(0.5, 0.95)
    else:
        gb = machine.size_gb * machine.change_rate * random.lognormvariate(0, 0.2)
    overhead = machine.overhead_seconds * random.lognormvariate(0, 0.15)
    return gb, overhead + gb / (machine.gb_per_second * random.lognormvariate(0, 0.12))


def _slowed_seconds(machine: Machine, created: datetime) -> float | None:
    """How long a backup takes during a slowdown of its machine: also at least twenty minutes longer."""
    slowdown = machine.slowdown
    if slowdown is None or not slowdown.begins_at <= created < slowdown.ends_at:
        return None
    usual = median(machine.recent_seconds) if not slowdown.slowed else slowdown.usual_seconds
    slowdown.usual_seconds = usual
    return max(slowdown.factor * usual, usual + 1200)


def _gets_stuck(simulation: Simulation, vault: Vault, machine: Machine, created: datetime) -> bool:
    is_required = vault.is_anchor and machine.has_full and simulation.must_happen("stuck_task", created)
    return is_required or simulation.happens(2e-5)


def _is_slowed_down(simulation: Simulation, vault: Vault, machine: Machine, created: datetime) -> bool:
    if len(machine.recent_seconds) < 10:
        return False
    return (vault.is_anchor and simulation.must_happen("slow_run", created)) or simulation.happens(1 / 8000)
