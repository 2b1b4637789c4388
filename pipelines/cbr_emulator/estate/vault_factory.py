"""Draws vaults with their policies and machines, and what will befall them sooner or later."""

from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.error_codes import LASTING
from cbr_emulator.estate.model import (
    DISK,
    EVERY_DAY,
    SERVER,
    TURBO,
    WORKING_DAYS,
    Machine,
    Misconfiguration,
    Vault,
)
from cbr_emulator.estate.scenario import moments
from cbr_emulator.estate.schedule_changes import MOST_MACHINES, can_move, edit_policy, observe_summer_time
from cbr_emulator.estate.simulation import Simulation

NAMES = ("web", "db", "mail", "erp", "build", "log", "cache", "财务", "订单", "测试")
VAULTS = (("vault", 6), ("vault-prod", 3), ("存储库", 1))
PROJECTS = ("0", "5f7f2bb1-9d8f-4b2e-9c5d-6b1b0f0c3a11")
POLICIES = (("daily", 62), ("twice", 10), ("6-hourly", 8), ("hourly", 2), ("working days", 8), ("weekly", 10))
RUNS_A_DAY = {"daily": 1, "twice": 2, "6-hourly": 4, "hourly": 24, "working days": 5 / 7, "weekly": 1 / 7}
RETENTION_DAYS = ((7, 35), (14, 30), (30, 30), (90, 5))
MEDIAN_GB = {SERVER: 120, DISK: 80, TURBO: 500}
PER_BACKUP = 1.93
"""Tasks of one run of a policy for a machine: the backup, and the deletion of what is too old."""

FULL_FOR = timedelta(days=1.4)
"""How long a vault stays full until somebody enlarges it."""

LARGEST_SHARE = 0.12
"""No vault makes more than this part of the tasks, so that none decides what the estate looks like."""

LARGEST_SHARE_OF_ONE = 0.03
"""The same for a machine: one that is backed up every hour and broken for weeks would be all failures."""


class VaultFactory:
    """Draws vaults.

    Args:
        world: The estate.
    """

    def __init__(self, world: Simulation) -> None:
        self.world = world
        self.random = world.random
        self.vaults = 0
        self.numbers = 0
        self.first_kinds = [TURBO, DISK]  # one of each, however small the estate
        self.moves = [edit_policy, observe_summer_time]  # likewise

    def anchor(self) -> Vault | None:
        """The vault in which everything can be made to happen; none where a daily run is too much."""
        if self.world.wanted < 10:
            return None
        vault = self._vault(SERVER, "daily", self.random.choice((22, 23, 0, 1, 2)))
        vault.is_anchor = vault.replicates = vault.is_app_consistent = True
        vault.retention = timedelta(days=self.random.choice((14, 30)))
        for _ in range(max(1, min(40, int(0.12 * self.world.wanted / tasks_a_day(vault))))):
            vault.machines.append(self.machine(SERVER))
        if len(vault.machines) > 1:
            begins_at = self.world.start + 0.4 * (self.world.now - self.world.start)
            code = self.world.pick(LASTING)
            self._fall_ill(
                vault.machines[0], Misconfiguration(begins_at, begins_at + timedelta(days=3), code, share=1)
            )
        return vault

    def vault(self, room: float) -> Vault:
        """A vault that makes at most about so many tasks a day."""
        kind = self.first_kinds.pop() if self.first_kinds else self._kind()
        limit = min(room, max(PER_BACKUP, self.world.wanted * LARGEST_SHARE))
        most = min(limit, max(PER_BACKUP, self.world.wanted * LARGEST_SHARE_OF_ONE))
        usual = [(name, weight) for name, weight in POLICIES if RUNS_A_DAY[name] * PER_BACKUP <= most]
        policy = self.world.pick(tuple(usual)) if usual else "weekly"
        first = self.world.pick(((22, 10), (23, 10), (0, 25), (1, 20), (2, 20), (3, 10), (12, 5)))
        vault = self._vault(kind, policy, first)
        vault.replicates &= tasks_a_day(vault) <= limit
        most = limit / tasks_a_day(vault)
        if kind is TURBO:
            most = min(most, 8)
        if self.moves and can_move(self.world, vault):
            self.moves.pop()(self.world, vault)
            most = min(most, MOST_MACHINES)
        size = max(1, min(256, int(most), int(4 * self.random.paretovariate(1.2))))
        late_at = self._working_hour(0.05, 1)
        for _ in range(size):
            vault.machines.append(self.machine(kind, late_at if self.world.has_luck(0.2) else None))
        self._share_a_machine(vault)
        self._plan(vault)
        return vault

    def bare_vault(self) -> Vault:
        """A vault of servers in which no policy runs while the estate lasts."""
        return self._vault(SERVER, "daily", 0)

    def machine(self, kind: tuple[str, str, str], enrolled_at: datetime | None = None) -> Machine:
        """A machine, there from the beginning unless it comes later."""
        self.numbers += 1
        resource: dict[str, Any] = {
            "id": self.world.new_id(),
            "name": f"{kind[2]}-{self.random.choice(NAMES)}-{self.numbers:05d}",
            "type": kind[1],
        }
        if kind is SERVER and self.world.has_luck(0.15):
            system = self.random.choice(("CentOS 7.6", "Debian 12"))
            volumes = [{"id": self.world.new_id(), "os_version": system}]
            resource["extra_info"] = {"include_volumes": volumes, "exclude_volumes": [self.world.new_id()]}
        machine = Machine(
            number=self.numbers,
            kind=kind,
            resource=resource,
            size_gb=min(4096, max(10, MEDIAN_GB[kind] * self.random.lognormvariate(0, 1.1))),
            changing=min(0.3, 0.02 * self.random.lognormvariate(0, 0.6)),
            gb_a_second=self.random.uniform(0.085, 0.12) * self.random.lognormvariate(0, 0.3),
            overhead_seconds=95 * self.random.lognormvariate(0, 0.4),
            frailty=self.random.gauss(0, 1),
            busy_until=self.world.start,
            enrolled_at=enrolled_at,
            has_full=enrolled_at is None,
        )
        for at in moments(self.random, 420, self.world.start - timedelta(days=12), self.world.end):
            lasts = timedelta(days=min(30, 3 * self.random.lognormvariate(0, 1.1)))
            if machine.illness_at(at) is None:
                self._fall_ill(machine, Misconfiguration(at, at + lasts, self.world.pick(LASTING)))
        return machine

    def _fall_ill(self, machine: Machine, illness: Misconfiguration) -> None:
        machine.illnesses.insert(0, illness)
        self.world.illnesses.append((machine.id, illness))

    def _kind(self) -> tuple[str, str, str]:
        kind: tuple[str, str, str] = self.world.pick(((SERVER, 70), (DISK, 25), (TURBO, 5)))
        return kind

    def _vault(self, kind: tuple[str, str, str], policy: str, first: int) -> Vault:
        runs = max(1, round(RUNS_A_DAY[policy]))
        weekdays = {"working days": WORKING_DAYS, "weekly": (self.random.randrange(7),)}
        self.vaults += 1
        retention = 7 if policy == "hourly" else self.world.pick(RETENTION_DAYS)
        # The first two vaults are of different projects, so that the smallest estate has both.
        project = PROJECTS[self.vaults % 2] if self.vaults < 3 else self.random.choice(PROJECTS)
        return Vault(
            id=self.world.new_id(),
            name=f"{self.world.pick(VAULTS)}-{self.vaults:04d}",
            policy_id=self.world.new_id(),
            project=project,
            hours=tuple(sorted((first + n * 24 // runs) % 24 for n in range(runs))),
            weekdays=weekdays.get(policy, EVERY_DAY),
            kind=kind,
            retention=timedelta(days=retention),
            replicates=kind is SERVER and self.world.has_luck(0.45),
            is_app_consistent=kind is SERVER and self.world.has_luck(0.2),
        )

    def _share_a_machine(self, vault: Vault) -> None:
        """Puts a machine of another vault in the place of one, where that vault runs at other times."""
        if not self.world.has_luck(0.2) or len(vault.hours) > 1 or len(vault.machines) < 2:
            return
        if vault.has_moving_hours:
            return
        others = [
            machine
            for other, machine in self.world.machines
            if other.kind is vault.kind
            and len(other.hours) == 1
            and not other.has_moving_hours
            and min(abs(other.hours[0] - vault.hours[0]), 24 - abs(other.hours[0] - vault.hours[0])) >= 3
            and not (machine.enrolled_at or machine.removed_at or machine.renamed or machine.elsewhere)
        ]
        if others:
            vault.machines[-1] = self.random.choice(others).in_another_vault(self.world.start)

    def _plan(self, vault: Vault) -> None:
        """Draws what befalls the vault as a whole."""
        world = self.world
        for at in moments(self.random, 240, world.start, world.end):
            begins_at = vault.next_slot(at) - timedelta(hours=self.random.uniform(0, 23))
            vault.full.append((begins_at, begins_at + FULL_FOR, []))
        stays = max(0.0, 1 - 0.06 * min(1, (world.end - world.start) / timedelta(days=30)))
        settled = [one for one in vault.machines if one.enrolled_at is None and one.elsewhere is None]
        vault.leaving = [one for one in settled if not world.has_luck(stays)]
        vault.removal_at = self._working_hour(0.1, 0.95) if vault.leaving else None
        for machine in settled:
            if machine not in vault.leaving and world.has_luck(0.015):
                name = f"{machine.resource['name']}-{self.random.choice(('old', 'v2', '旧'))}"
                machine.renamed = (self._working_hour(0.1, 0.9), {**machine.resource, "name": name})

    def _working_hour(self, first: float, last: float) -> datetime:
        """A moment of somebody's day, in a part of the estate."""
        span = self.world.end - self.world.start
        at = self.world.start + span * self.random.uniform(first, last)
        at = at.replace(hour=self.random.randrange(9, 17), minute=self.random.randrange(60))
        return min(max(self.world.start, at), self.world.end)


def tasks_a_day(vault: Vault) -> float:
    """How many tasks a day one machine of a vault makes, about."""
    runs = len(vault.hours) * len(vault.weekdays) / 7
    return runs * (PER_BACKUP + (0.97 if vault.replicates else 0))
