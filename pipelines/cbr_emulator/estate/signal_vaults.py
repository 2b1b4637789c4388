"""Vaults in which what alarms look for is made to happen, beside what only looks like it.

They are added to an estate on request and drawn from a sequence of random numbers of their own, so that the
rest of the estate is the same with and without them. Each kind of event is recorded as an episode.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cbr_emulator.estate.error_codes import MISCONFIGURATION_ERRORS
from cbr_emulator.estate.lasting_changes import Misconfiguration, PolicyEdit, Slowdown
from cbr_emulator.estate.model import DISK, SERVER, Vault
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.vault_factory import RUNS_PER_DAY, VaultFactory

ZONES = tuple(
    map(
        ZoneInfo,
        (
            "Europe/Berlin",
            "America/New_York",
            "America/Sao_Paulo",
            "Asia/Shanghai",
            "Asia/Kolkata",
            "Australia/Sydney",
            "Africa/Johannesburg",
        ),
    )
)
"""Time zones of policies, with and without summer time, and with half hours."""

DESTINATIONS = ("eu-nl", "eu-ch2")
SHORTENED = {30: (7, 14), 14: (7,), 7: (3,)}
"""Retentions in days that one is shortened to."""

FIRST_NUMBER = 50_000
"""Numbers of machines and vaults from here on are of these vaults."""


class SignalPlan:
    """Draws the vaults of one estate.

    Args:
        simulation: Their simulation, with the incidents of the estate.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.random = simulation.random
        self.factory = VaultFactory(simulation)
        self.factory.numbers = FIRST_NUMBER
        self.factory.vaults = FIRST_NUMBER

    def vaults(self) -> Iterator[Vault]:
        """The vaults, each with what happens to it."""
        plans: tuple[Callable[[], Iterator[Vault]], ...] = (
            self._edited,
            self._edited_weekly,
            self._stopped,
            self._one_stopped,
            self._retention_changed,
            self._deleted_in_bulk,
            self._slowed,
            self._failing,
            self._full,
            self._moved,
        )
        for plan in plans:
            yield from plan()

    def _edited(self) -> Iterator[Vault]:
        """A policy edited several times: moved, or with more or fewer runs; with missed runs after it."""
        vault = self._vault(self.random.choice(("daily", "daily", "twice", "6-hourly")), self._size(4))
        hours = vault.hours
        for part in (0.3, 0.52, 0.74)[: self.random.randrange(1, 4)]:
            at = self._working_hour(part, part + 0.06)
            shift = self.random.choice((2, 3, 4, 6, 9, 12))
            if len(hours) == 1 and self.random.random() < 0.25:
                hours = tuple(sorted({hours[0], (hours[0] + 12) % 24}))
            elif len(hours) > 1 and self.random.random() < 0.25:
                hours = hours[:1]
            else:
                moved = {(hour + shift) % 24 for hour in hours}
                # 6-hourly runs moved by six hours are the same: an hour more is not.
                hours = tuple(sorted(moved if moved != {*hours} else {(hour + 1) % 24 for hour in moved}))
            vault.edits.append(PolicyEdit(at, hours, vault.weekdays))
            missing = self.random.choice(vault.machines)
            missing.misses_on |= {(at + timedelta(days=self.random.randrange(3, 7))).date()}
        yield vault

    def _edited_weekly(self) -> Iterator[Vault]:
        """A weekly policy moved to another day of the week."""
        vault = self._vault("weekly", self._size(3))
        weekday = (vault.weekdays[0] + self.random.randrange(1, 7)) % 7
        vault.edits.append(PolicyEdit(self._working_hour(0.5, 0.6), vault.hours, (weekday,)))
        yield vault

    def _stopped(self) -> Iterator[Vault]:
        """A policy that is switched off, and in half of the estates on again."""
        policy = self.random.choice(
            ("daily", "daily", "twice", "6-hourly", "working days", "weekly", "hourly")
        )
        vault = self._vault(policy, 1 if policy == "hourly" else self._size(5))
        stopped = self._stop(policy)
        self._record_stop(vault, stopped, vault.id)
        vault.stopped = stopped
        yield vault

    def _one_stopped(self) -> Iterator[Vault]:
        """A machine that its vault backs up no more, although nobody removed it."""
        policy = self.random.choice(("daily", "daily", "working days", "twice"))
        vault = self._vault(policy, 2 + self._size(4))
        machine = vault.machines[0]
        machine.stopped = self._stop(policy)
        self._record_stop(vault, machine.stopped, machine.id)
        yield vault

    def _retention_changed(self) -> Iterator[Vault]:
        """A vault whose retention is shortened, and one whose retention is lengthened."""
        for is_shortened in (True, self.random.random() < 0.3):
            vault = self._vault(
                self.random.choice(("daily", "daily", "twice", "working days")), self._size(5)
            )
            days = self.random.choice((7, 14, 30) if self._span > timedelta(days=75) else (7, 14))
            vault.retention = timedelta(days=days)
            after = timedelta(days=days + self.random.randrange(9, 14))
            at = self._at_working_hour(self.simulation.start + after)
            to = self.random.choice(SHORTENED[days]) if is_shortened else 2 * days
            vault.retention_change = (at, timedelta(days=to))
            if is_shortened:
                self.simulation.record_episode(
                    "retention_shortened", (at, at + timedelta(days=2)), (), vault.id
                )
            yield vault

    def _deleted_in_bulk(self) -> Iterator[Vault]:
        """A vault of which somebody deletes many backups, at night or by day."""
        vault = self._vault("daily", 4 + self._size(4))
        vault.retention = timedelta(days=14)
        day = self._working_hour(0.5, 0.8)
        is_by_day = self.random.random() < 0.5
        vault.bulk_deletions.append(day if is_by_day else day.replace(hour=self.random.choice((1, 3, 22))))
        yield vault

    def _slowed(self) -> Iterator[Vault]:
        """Machines whose backups take many times as long from some day on, for one or many runs."""
        vault = self._vault("daily", 1 + self._size(4))
        for machine in vault.machines[:2]:
            begins_at = self._working_hour(0.3, 0.85)
            lasts = timedelta(days=self.random.choice((1, 3, 30)))
            machine.slowdown = Slowdown(begins_at, begins_at + lasts, self.random.uniform(5, 12))
        yield vault

    def _failing(self) -> Iterator[Vault]:
        """Lasting misconfigurations under an hourly, a weekly and a daily policy."""
        for policy, days in (("hourly", 0.5), ("weekly", 24), ("daily", 5)):
            if policy == "hourly" and self.random.random() < 0.7:
                continue
            vault = self._vault(policy, 1 if policy == "hourly" else self._size(3))
            begins_at = self._working_hour(0.3, 0.6)
            ends_at = begins_at + timedelta(days=days * self.random.uniform(1, 1.5))
            code = self.simulation.choose(MISCONFIGURATION_ERRORS)
            fault = Misconfiguration(begins_at, ends_at, code, share=1)
            self.factory.misconfigure(vault.machines[0], fault)
            yield vault

    def _full(self) -> Iterator[Vault]:
        """A large vault that is full for days, in a third of the estates."""
        if self.random.random() < 0.67:
            return
        vault = self._vault("daily", self.random.randrange(15, 30))
        begins_at = self._working_hour(0.3, 0.8)
        vault.full.append((begins_at, begins_at + timedelta(days=self.random.uniform(1.4, 5)), []))
        yield vault

    def _moved(self) -> Iterator[Vault]:
        """A machine moved to another vault, and removed from the old one weeks later."""
        old, new = self._vault("daily", 1 + self._size(3)), self._vault("daily", self._size(2))
        moved = old.machines[0]
        at = self._working_hour(0.3, 0.5)
        machine = moved.in_another_vault(self.simulation.start)
        machine.enrolled_at = at
        machine.has_full = False
        moved.stopped = (at, self.simulation.end)
        new.machines.append(machine)
        old.leaving, old.removal_at = [moved], at + timedelta(days=self.random.randrange(10, 20))
        yield old
        yield new

    @property
    def _span(self) -> timedelta:
        return self.simulation.now - self.simulation.start

    def _size(self, most: int) -> int:
        """A number of machines, mostly few."""
        return min(most, int(self.random.paretovariate(1.2)))

    def _vault(self, policy: str, size: int) -> Vault:
        """A vault with its machines; many run in a zone of their own, or staggered, or have two copies."""
        kind = DISK if self.random.random() < 0.25 else SERVER
        vault = self.factory.empty_vault(policy, self.random.randrange(24), kind)
        vault.machines = [self.factory.machine(kind) for _ in range(size)]
        if RUNS_PER_DAY[policy] <= 1 and self.random.random() < 0.5:
            vault.zone = self.random.choice(ZONES)
        if RUNS_PER_DAY[policy] <= 2 and self.random.random() < 0.4:
            vault.stagger = timedelta(minutes=self.random.choice((1, 5, 20)))
        if vault.replicates:
            vault.replicates = RUNS_PER_DAY[policy] <= 2
            vault.destinations = DESTINATIONS if self.random.random() < 0.5 else DESTINATIONS[:1]
        return vault

    def _stop(self, policy: str) -> tuple[datetime, datetime]:
        """When backups stop and begin again; a reader of the log sees it three missed runs later."""
        begins_at = self._working_hour(0.35, 0.55)
        if self.random.random() < 0.5:
            return begins_at, self.simulation.end
        shortest = {"weekly": 29.0, "working days": 11.0}.get(policy, 4.5)
        return begins_at, begins_at + timedelta(days=shortest + self.random.uniform(0, 6))

    def _record_stop(self, vault: Vault, stopped: tuple[datetime, datetime], about: str) -> None:
        """Records a stop from its first missing run until the next one, of a vault that still runs."""
        first = vault.next_slot(stopped[0])
        is_for_good = stopped[1] >= self.simulation.end
        ends_at = self.simulation.end if is_for_good else vault.next_slot(stopped[1])
        self.simulation.record_episode("backups_stopped", (first, ends_at), (), about)

    def _working_hour(self, first: float, last: float) -> datetime:
        """A time by day within a part of the time before the present, given as fractions."""
        return self._at_working_hour(self.simulation.start + self._span * self.random.uniform(first, last))

    def _at_working_hour(self, day: datetime) -> datetime:
        hour = time(self.random.randrange(9, 17), self.random.randrange(60))
        return datetime.combine(day.date(), hour, UTC)
