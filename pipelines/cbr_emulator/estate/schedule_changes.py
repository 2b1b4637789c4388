"""Vaults whose policy comes to run at another hour of UTC: by a clock with summer time, or after an edit.

Each estate of some days has one of each, small, so that they decide nothing of what it looks like.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from cbr_emulator.estate.model import EVERY_DAY, Vault
from cbr_emulator.estate.simulation import Simulation

SUMMER_TIME = ZoneInfo("Europe/Berlin")
"""The clock of the region."""

MOST_MACHINES = 4
"""No such vault has more: a reader of the log may take an hour that moved for runs that are missing."""

NEEDS = timedelta(days=4)
"""In a shorter estate nothing moves."""

LATER_HOURS = 4
"""By how much an edit moves the runs: from before office hours, in which it is made, to before them."""


def can_move(world: Simulation, vault: Vault) -> bool:
    """Whether a vault may be one of them: its policy runs once a day, soon after midnight."""
    is_daily = vault.weekdays == EVERY_DAY and len(vault.hours) == 1 and vault.hours[0] < 4
    return is_daily and world.now - world.start >= NEEDS


def observe_summer_time(world: Simulation, vault: Vault) -> None:
    """Lets the policy run by a clock that is put forward in spring and back in autumn."""
    del world
    vault.zone = SUMMER_TIME


def edit_policy(world: Simulation, vault: Vault) -> None:
    """Lets somebody move the policy's hour, at a moment of the estate's past; each day keeps its one run."""
    at = world.start + (world.now - world.start) * world.random.uniform(0.35, 0.65)
    at = at.replace(hour=world.random.randrange(9, 17), minute=world.random.randrange(60))
    vault.edited = (at, (vault.hours[0] + LATER_HOURS,))


def tell_moves(world: Simulation, vault: Vault, runs: Mapping[datetime, Sequence[str]]) -> None:
    """Tells of the vault's runs that moved.

    Args:
        world: The estate.
        vault: The vault.
        runs: Ids of the backups of each of its runs, by slot.
    """
    for before, after in pairwise(sorted(runs)):
        tasks = tuple(runs[after])
        if vault.edited is not None and before < vault.edited[0] <= after:
            world.tell("policy_edit", (vault.edited[0], after), tasks, vault.id)
        if _offset(vault, before) != _offset(vault, after):
            world.tell("clock_change", (before, after), tasks, vault.id)


def _offset(vault: Vault, at: datetime) -> timedelta:
    return at.astimezone(vault.zone).utcoffset() or timedelta()
