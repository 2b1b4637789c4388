"""Adds to an estate the vaults in which what alarms look for happens, on request.

What happens in which vault is in ``signal_vaults``.
"""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.model import Machine, Vault
from cbr_emulator.estate.signal_vaults import SignalPlan
from cbr_emulator.estate.simulate_vault import record_streaks, run_vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.task import Task

MIN_SPAN = timedelta(days=60)
"""A shorter estate is too short for a weekly policy to be edited or switched off, and that to be seen."""


@dataclass(frozen=True)
class Signals:
    """Such vaults and what happens in them.

    Attributes:
        tasks: Their tasks, in no order.
        episodes: Their episodes, in no order.
        vaults: The vaults.
        machines: Their machines, each with its vault.
    """

    tasks: tuple[Task, ...] = ()
    episodes: tuple[Episode, ...] = ()
    vaults: tuple[Vault, ...] = ()
    machines: tuple[tuple[Vault, Machine], ...] = ()


NO_SIGNALS = Signals()


def make_signals(estate: Simulation, random: Random) -> Signals:
    """Draws and simulates such vaults for an estate whose other vaults are simulated.

    Args:
        estate: The simulation of the estate; its incidents get the backups that fail because of them.
        random: Source of all randomness.
    """
    if estate.now - estate.start < MIN_SPAN:
        return NO_SIGNALS
    simulation = Simulation(
        random, estate.start, estate.now, estate.end, estate.tasks_per_day, estate.incidents
    )
    tasks = [task for vault in SignalPlan(simulation).vaults() for task in run_vault(simulation, vault)]
    _record_slowdowns(simulation)
    for resource_id, misconfiguration in simulation.misconfigurations:
        record_streaks(simulation, resource_id, misconfiguration)
    vaults = tuple({id(vault): vault for vault, _ in simulation.machines}.values())
    return Signals(tuple(tasks), tuple(simulation.episodes), vaults, tuple(simulation.machines))


def _record_slowdowns(simulation: Simulation) -> None:
    """Records an episode for each slowdown that made a backup take longer."""
    for _, machine in simulation.machines:
        if machine.slowdown is not None and machine.slowdown.slowed:
            slowed = sorted(machine.slowdown.slowed)
            span = (slowed[0][0], slowed[-1][1])
            simulation.record_episode("duration_jump", span, tuple(one[2] for one in slowed), machine.id)
