"""Draws vaults with their policies and machines, and the events that happen to them."""

from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.error_codes import MISCONFIGURATION_ERRORS
from cbr_emulator.estate.incidents import poisson_times
from cbr_emulator.estate.lasting_changes import Misconfiguration
from cbr_emulator.estate.model import DISK, EVERY_DAY, SERVER, TURBO, WORKING_DAYS, Machine, Vault
from cbr_emulator.estate.schedule_changes import (
    MAX_MACHINES,
    can_change_schedule,
    edit_policy,
    use_summer_time,
)
from cbr_emulator.estate.simulation_state import Simulation

NAMES = ("web", "db", "mail", "erp", "build", "log", "cache", "财务", "订单", "测试")
VAULTS = (("vault", 6), ("vault-prod", 3), ("存储库", 1))
PROJECTS = ("0", "5f7f2bb1-9d8f-4b2e-9c5d-6b1b0f0c3a11")
POLICIES = (("daily", 62), ("twice", 10), ("6-hourly", 8), ("hourly", 2), ("working days", 8), ("weekly", 10))
RUNS_PER_DAY = {"daily": 1, "twice": 2, "6-hourly": 4, "hourly": 24, "working days": 5 / 7, "weekly": 1 / 7}
RETENTION_DAYS = ((7, 35), (14, 30), (30, 30), (90, 5))
MEDIAN_GB = {SERVER: 120, DISK: 80, TURBO: 500}
TASKS_PER_RUN = 1.93
"""Average tasks of a policy run per machine: the backup and the later deletion of an expired one."""

FULL_FOR = timedelta(days=1.4)
"""How long a vault stays full until it is enlarged."""

MAX_VAULT_SHARE = 0.12
"""Maximum share of all tasks in one vault, so that no vault dominates the estate."""

MAX_MACHINE_SHARE = 0.03
"""Maximum share of one machine: an hourly backup with a long misconfiguration would dominate the failures."""


class VaultFactory:
    """Draws vaults.

    Args:
        simulation: The simulation.

    Attributes:
        made: All vaults so far.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.random = simulation.random
        self.vaults = 0
        self.made: list[Vault] = []
        self.numbers = 0
        self.first_kinds = [TURBO, DISK]  # at least one of each
        self.schedule_changes = [edit_policy, use_summer_time]  # at least one of each

    def anchor(self) -> Vault | None:
        """The vault for required episodes; None if a daily run would be too many tasks."""
        if self.simulation.tasks_per_day < 10:
            return None
        vault = self._vault(SERVER, "daily", self.random.choice((22, 23, 0, 1, 2)))
        vault.is_anchor = vault.replicates = vault.is_app_consistent = True
        vault.retention = timedelta(days=self.random.choice((14, 30)))
        for _ in range(max(1, min(40, int(0.12 * self.simulation.tasks_per_day / tasks_per_day(vault))))):
            vault.machines.append(self.machine(SERVER))
        if len(vault.machines) > 1:
            begins_at = self.simulation.start + 0.4 * (self.simulation.now - self.simulation.start)
            code = self.simulation.choose(MISCONFIGURATION_ERRORS)
            self.misconfigure(
                vault.machines[0], Misconfiguration(begins_at, begins_at + timedelta(days=3), code, share=1)
            )
        return vault

    def vault(self, room: float) -> Vault:
        """A vault with at most about the given number of tasks a day.

        Args:
            room: Maximum tasks a day.
        """
        kind = self.first_kinds.pop() if self.first_kinds else self._kind()
        limit = min(room, max(TASKS_PER_RUN, self.simulation.tasks_per_day * MAX_VAULT_SHARE))
        most = min(limit, max(TASKS_PER_RUN, self.simulation.tasks_per_day * MAX_MACHINE_SHARE))
        usual = [(name, weight) for name, weight in POLICIES if RUNS_PER_DAY[name] * TASKS_PER_RUN <= most]
        policy = self.simulation.choose(tuple(usual)) if usual else "weekly"
        first = self.simulation.choose(((22, 10), (23, 10), (0, 25), (1, 20), (2, 20), (3, 10), (12, 5)))
        vault = self._vault(kind, policy, first)
        vault.replicates &= tasks_per_day(vault) <= limit
        most = limit / max(tasks_per_day(vault), self._tasks_per_day_here(vault))
        if kind is TURBO:
            most = min(most, 8)
        if self.schedule_changes and can_change_schedule(self.simulation, vault):
            self.schedule_changes.pop()(self.simulation, vault)
            most = min(most, MAX_MACHINES)
        size = max(1, min(256, int(most), int(4 * self.random.paretovariate(1.2))))
        late_at = self._working_hour(0.05, 1)
        for _ in range(size):
            vault.machines.append(self.machine(kind, late_at if self.simulation.happens(0.2) else None))
        self._share_a_machine(vault)
        self._draw_events(vault)
        return vault

    def empty_vault(
        self, policy: str = "daily", first: int = 0, kind: tuple[str, str, str] = SERVER
    ) -> Vault:
        """A vault without machines, of a policy of ``POLICIES`` whose first hour is given."""
        return self._vault(kind, policy, first)

    def machine(self, kind: tuple[str, str, str], enrolled_at: datetime | None = None) -> Machine:
        """A machine, present from the beginning unless ``enrolled_at`` is given."""
        self.numbers += 1
        resource: dict[str, Any] = {
            "id": self.simulation.new_id(),
            "name": f"{kind[2]}-{self.random.choice(NAMES)}-{self.numbers:05d}",
            "type": kind[1],
        }
        if kind is SERVER and self.simulation.happens(0.15):
            system = self.random.choice(("CentOS 7.6", "Debian 12"))
            volumes = [{"id": self.simulation.new_id(), "os_version": system}]
            resource["extra_info"] = {
                "include_volumes": volumes,
                "exclude_volumes": [self.simulation.new_id()],
            }
        machine = Machine(
            number=self.numbers,
            kind=kind,
            resource=resource,
            size_gb=min(4096, max(10, MEDIAN_GB[kind] * self.random.lognormvariate(0, 1.1))),
            change_rate=min(0.3, 0.02 * self.random.lognormvariate(0, 0.6)),
            gb_per_second=self.random.uniform(0.085, 0.12) * self.random.lognormvariate(0, 0.3),
            overhead_seconds=95 * self.random.lognormvariate(0, 0.4),
            failure_tendency=self.random.gauss(0, 1),
            busy_until=self.simulation.start,
            enrolled_at=enrolled_at,
            has_full=enrolled_at is None,
        )
        for at in poisson_times(
            self.random, 420, self.simulation.start - timedelta(days=12), self.simulation.end
        ):
            lasts = timedelta(days=min(30, 3 * self.random.lognormvariate(0, 1.1)))
            if machine.misconfiguration_at(at) is None:
                self.misconfigure(
                    machine, Misconfiguration(at, at + lasts, self.simulation.choose(MISCONFIGURATION_ERRORS))
                )
        return machine

    def misconfigure(self, machine: Machine, misconfiguration: Misconfiguration) -> None:
        """Gives a machine a misconfiguration, which comes before those that it has."""
        machine.misconfigurations.insert(0, misconfiguration)
        self.simulation.misconfigurations.append((machine.id, misconfiguration))

    def _kind(self) -> tuple[str, str, str]:
        kind: tuple[str, str, str] = self.simulation.choose(((SERVER, 70), (DISK, 25), (TURBO, 5)))
        return kind

    def _vault(self, kind: tuple[str, str, str], policy: str, first: int) -> Vault:
        runs = max(1, round(RUNS_PER_DAY[policy]))
        weekdays = {"working days": WORKING_DAYS, "weekly": (self.random.randrange(7),)}
        self.vaults += 1
        retention = 7 if policy == "hourly" else self.simulation.choose(RETENTION_DAYS)
        # The first two vaults differ in project, so even the smallest estate has both.
        project = PROJECTS[self.vaults % 2] if self.vaults < 3 else self.random.choice(PROJECTS)
        vault = Vault(
            id=self.simulation.new_id(),
            name=f"{self.simulation.choose(VAULTS)}-{self.vaults:04d}",
            policy_id=self.simulation.new_id(),
            project=project,
            hours=tuple(sorted((first + n * 24 // runs) % 24 for n in range(runs))),
            weekdays=weekdays.get(policy, EVERY_DAY),
            kind=kind,
            retention=timedelta(days=retention),
            replicates=kind is SERVER and self.simulation.happens(0.45),
            is_app_consistent=kind is SERVER and self.simulation.happens(0.2),
        )
        self.made.append(vault)
        return vault

    def _tasks_per_day_here(self, vault: Vault) -> float:
        """Tasks per day of one machine; in an estate of a few days a weekly policy may run every day."""
        simulation = self.simulation
        slots = sum(1 for _ in vault.slots(simulation.start, simulation.now))
        return slots / ((simulation.now - simulation.start) / timedelta(days=1)) * tasks_per_run(vault)

    def _share_a_machine(self, vault: Vault) -> None:
        """Replaces a machine by one of another vault that runs at other times, for some vaults."""
        if not self.simulation.happens(0.2) or len(vault.hours) > 1 or len(vault.machines) < 2:
            return
        if vault.has_changing_hours:
            return
        others = [
            machine
            for other, machine in self.simulation.machines
            if other.kind is vault.kind
            and len(other.hours) == 1
            and not other.has_changing_hours
            and min(abs(other.hours[0] - vault.hours[0]), 24 - abs(other.hours[0] - vault.hours[0])) >= 3
            and not (machine.enrolled_at or machine.removed_at or machine.renamed or machine.elsewhere)
        ]
        if others:
            vault.machines[-1] = self.random.choice(others).in_another_vault(self.simulation.start)

    def _draw_events(self, vault: Vault) -> None:
        """Draws the events that affect the vault as a whole."""
        simulation = self.simulation
        for at in poisson_times(self.random, 240, simulation.start, simulation.end):
            begins_at = vault.next_slot(at) - timedelta(hours=self.random.uniform(0, 23))
            vault.full.append((begins_at, begins_at + FULL_FOR, []))
        stays = max(0.0, 1 - 0.06 * min(1, (simulation.end - simulation.start) / timedelta(days=30)))
        settled = [one for one in vault.machines if one.enrolled_at is None and one.elsewhere is None]
        vault.leaving = [one for one in settled if not simulation.happens(stays)]
        vault.removal_at = self._working_hour(0.1, 0.95) if vault.leaving else None
        for machine in settled:
            if machine not in vault.leaving and simulation.happens(0.015):
                name = f"{machine.resource['name']}-{self.random.choice(('old', 'v2', '旧'))}"
                machine.renamed = (self._working_hour(0.1, 0.9), {**machine.resource, "name": name})

    def _working_hour(self, first: float, last: float) -> datetime:
        """A time during working hours within a part of the estate.

        Args:
            first: Beginning of the part, as a fraction of the time span.
            last: End of the part.
        """
        span = self.simulation.end - self.simulation.start
        at = self.simulation.start + span * self.random.uniform(first, last)
        at = at.replace(hour=self.random.randrange(9, 17), minute=self.random.randrange(60))
        return min(max(self.simulation.start, at), self.simulation.end)


def tasks_per_day(vault: Vault) -> float:
    """Expected tasks per day of one machine of a vault, on average over weeks."""
    return len(vault.hours) * len(vault.weekdays) / 7 * tasks_per_run(vault)


def tasks_per_run(vault: Vault) -> float:
    """Expected tasks of one machine of a vault each time that the policy runs."""
    return TASKS_PER_RUN + (0.97 if vault.replicates else 0)
