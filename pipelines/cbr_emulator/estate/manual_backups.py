"""Manual backups that do not follow a failure: of new machines right now, of existing ones in the past."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cbr_emulator.estate.backup_outcome import Run, draw_run
from cbr_emulator.estate.backups import make_backup_task
from cbr_emulator.estate.model import SERVER, Machine, Vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import VaultFactory

IN_PROGRESS = ((25, 1), (9, 1), (3, 6), (1, 4))
"""For each backup in progress: minutes since it was created, and minutes it waits before it starts."""


def manual_backups_in_progress(simulation: Simulation, factory: VaultFactory, most: int) -> Iterator[Task]:
    """Backups started just now: some are running at the present, some are still waiting."""
    vault = factory.empty_vault().without_policy()
    for minutes, waits in IN_PROGRESS[:most]:
        created = simulation.now - timedelta(minutes=minutes, seconds=simulation.random.uniform(0, 50))
        machine = factory.machine(SERVER, enrolled_at=created)
        vault.machines.append(machine)
        ended = simulation.now + timedelta(minutes=simulation.random.uniform(8, 40))
        run = Run("success", ("", ""), created + timedelta(minutes=waits), ended, is_full=True, gb=0)
        yield make_backup_task(simulation, vault, machine, created, run, simulation.new_id())


def manual_backups_in_the_past(simulation: Simulation, factory: VaultFactory, wanted: int) -> Iterator[Task]:
    """The wanted number of past manual backups, at times when no other task of the machine runs."""
    calm = [
        (vault, machine)
        for vault, machine in simulation.machines
        if machine.enrolled_at is None and len(vault.hours) == 1 and machine.has_full
    ]
    spare = factory.empty_vault()
    for _ in range(wanted):
        vault, machine, at = _find_quiet_time(simulation, calm) or _new(simulation, factory, spare)
        run = draw_run(simulation, vault, machine, at, is_manual=True)
        if machine.is_backed_up(at, run.busy_until):  # it takes longer than the quiet time that was found
            vault, machine, at = _new(simulation, factory, spare)
            run = draw_run(simulation, vault, machine, at, is_manual=True)
        yield make_backup_task(simulation, vault.without_policy(), machine, at, run, simulation.new_id())


def _find_quiet_time(
    simulation: Simulation, calm: list[tuple[Vault, Machine]]
) -> tuple[Vault, Machine, datetime] | None:
    for _ in range(20 if calm else 0):
        vault, machine = simulation.random.choice(calm)
        at = _by_day(simulation)
        span = (at - timedelta(hours=1), at + timedelta(hours=4))
        if not machine.is_in_vault(span[1]) or machine.is_backed_up(*span) or span[1] >= simulation.now:
            continue
        is_full = any(begin <= at < end for begin, end, _ in vault.full)
        if not is_full and machine.misconfiguration_at(at) is None and simulation.incident_at(at) is None:
            return vault, machine, at
    return None


def _new(simulation: Simulation, factory: VaultFactory, vault: Vault) -> tuple[Vault, Machine, datetime]:
    at = _by_day(simulation)
    vault.machines.append(factory.machine(vault.kind, enrolled_at=at))
    return vault, vault.machines[-1], at


def _by_day(simulation: Simulation) -> datetime:
    """A time in the estate's past, during working hours where possible."""
    at = simulation.start + (simulation.now - simulation.start) * simulation.random.random()
    by_day = at.replace(hour=simulation.random.randrange(9, 18))
    return by_day if simulation.start <= by_day < simulation.now - timedelta(hours=5) else at
