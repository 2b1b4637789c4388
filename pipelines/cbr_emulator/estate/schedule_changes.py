"""Vaults whose policy moves to another hour in UTC: because of summer time, or after an edit.

Each estate of at least four days has one of each, kept small so that they do not dominate the data.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from cbr_emulator.estate.lasting_changes import PolicyEdit
from cbr_emulator.estate.model import EVERY_DAY, Vault
from cbr_emulator.estate.simulation_state import Simulation

SUMMER_TIME = ZoneInfo("Europe/Berlin")
"""Time zone of the region."""

MAX_MACHINES = 4
"""Maximum size of such a vault: a reader of the log may mistake a moved hour for missed runs."""

MIN_SPAN = timedelta(days=4)
"""A shorter estate has no schedule changes."""

LATER_HOURS = 4
"""By how many hours an edit delays the runs; both the old and the new hour are before office hours."""


def can_change_schedule(simulation: Simulation, vault: Vault) -> bool:
    """Whether a vault qualifies: its policy runs once a day, soon after midnight."""
    is_daily = vault.weekdays == EVERY_DAY and len(vault.hours) == 1 and vault.hours[0] < 4
    return is_daily and simulation.now - simulation.start >= MIN_SPAN


def use_summer_time(simulation: Simulation, vault: Vault) -> None:
    """Makes the policy run in local time, with daylight saving time."""
    del simulation
    vault.zone = SUMMER_TIME


def edit_policy(simulation: Simulation, vault: Vault) -> None:
    """Moves the policy's hour at a time in the estate's past; each day keeps its one run."""
    at = simulation.start + (simulation.now - simulation.start) * simulation.random.uniform(0.35, 0.65)
    at = at.replace(hour=simulation.random.randrange(9, 17), minute=simulation.random.randrange(60))
    vault.edits.append(PolicyEdit(at, (vault.hours[0] + LATER_HOURS,), vault.weekdays))


def record_schedule_changes(
    simulation: Simulation, vault: Vault, runs: Mapping[datetime, Sequence[str]]
) -> None:
    """Records episodes for the vault's runs that moved.

    Args:
        simulation: The simulation.
        vault: The vault.
        runs: Ids of the backups of each run, by scheduled time.
    """
    for before, after in pairwise(sorted(runs)):
        tasks = tuple(runs[after])
        for edit in vault.edits:
            if before < edit.at <= after:
                simulation.record_episode("policy_edit", (edit.at, after), tasks, vault.id)
        if _offset(vault, before) != _offset(vault, after):
            simulation.record_episode("clock_change", (before, after), tasks, vault.id)


def _offset(vault: Vault, at: datetime) -> timedelta:
    return at.astimezone(vault.zone).utcoffset() or timedelta()
