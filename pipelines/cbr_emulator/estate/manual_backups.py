"""Backups that people make by hand, without a failure before: of new machines now, of old ones by day."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cbr_emulator.estate.backup_outcome import Run, draw_run
from cbr_emulator.estate.backups import note_backup
from cbr_emulator.estate.model import SERVER, Machine, Vault
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.task import Task
from cbr_emulator.estate.vault_factory import VaultFactory

AT_WORK = ((25, 1), (9, 1), (3, 6), (1, 4))
"""How many minutes ago somebody began a backup, and how many it waits."""


def at_work(world: Simulation, founder: VaultFactory, most: int) -> Iterator[Task]:
    """What people have just begun: some of it runs at the present, some still waits."""
    vault = founder.bare_vault().by_hand()
    for minutes, waits in AT_WORK[:most]:
        created = world.now - timedelta(minutes=minutes, seconds=world.random.uniform(0, 50))
        machine = founder.machine(SERVER, enrolled_at=created)
        ended = world.now + timedelta(minutes=world.random.uniform(8, 40))
        run = Run("success", ("", ""), created + timedelta(minutes=waits), ended, is_full=True, gb=0)
        yield note_backup(world, vault, machine, created, run, world.new_id())


def on_demand(world: Simulation, founder: VaultFactory, wanted: int) -> Iterator[Task]:
    """So many backups before this or that is done to a machine, at times when nothing else goes on."""
    calm = [
        (vault, machine)
        for vault, machine in world.machines
        if machine.enrolled_at is None and len(vault.hours) == 1 and machine.has_full
    ]
    spare = founder.bare_vault()
    for _ in range(wanted):
        vault, machine, at = _occasion(world, calm) or _new(world, founder, spare)
        run = draw_run(world, vault, machine, at, by_hand=True)
        yield note_backup(world, vault.by_hand(), machine, at, run, world.new_id())


def _occasion(world: Simulation, calm: list[tuple[Vault, Machine]]) -> tuple[Vault, Machine, datetime] | None:
    for _ in range(20 if calm else 0):
        vault, machine = world.random.choice(calm)
        at = _by_day(world)
        span = (at - timedelta(hours=1), at + timedelta(hours=4))
        if not machine.is_in_vault(span[1]) or machine.is_backed_up(*span) or span[1] >= world.now:
            continue
        is_full = any(begin <= at < end for begin, end, _ in vault.full)
        if not is_full and machine.illness_at(at) is None and world.incident_at(at) is None:
            return vault, machine, at
    return None


def _new(world: Simulation, founder: VaultFactory, vault: Vault) -> tuple[Vault, Machine, datetime]:
    at = _by_day(world)
    return vault, founder.machine(vault.kind, enrolled_at=at), at


def _by_day(world: Simulation) -> datetime:
    """A moment in the estate's past, in somebody's day where that leads to one."""
    at = world.start + (world.now - world.start) * world.random.random()
    by_day = at.replace(hour=world.random.randrange(9, 18))
    return by_day if world.start <= by_day < world.now - timedelta(hours=5) else at
