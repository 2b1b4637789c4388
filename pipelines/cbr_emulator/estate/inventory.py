"""What the estate has besides tasks: vaults, policies, backups, and resources that can be protected.

Vaults and backups follow from the simulation, and agree with its tasks: a backup exists from the task that
makes it to the task that deletes it. What tasks do not show (tags, sizes of vaults, resources that were never
enrolled) is drawn from random numbers of its own, so that it changes no task of a seed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any

from cbr_emulator.estate.model import DISK, SERVER, TURBO, Machine, RecoveryPoint, Vault
from cbr_emulator.estate.task import Task

OBJECT_TYPES = {"server": SERVER, "disk": DISK, "turbo": TURBO}
"""Types of protectable resources, as the API names them in addresses."""

NEVER_ENROLLED_SHARE = 0.12
"""Resources that no vault ever had, in relation to those that one had."""

_USES = ("web", "db", "mail", "test", "build", "财务")
_ENVIRONMENTS = ("prod", "prod", "test", "dev")
_TEAMS = ("payments", "logistics", "it", "研发")


@dataclass(frozen=True, slots=True)
class StoredBackup:
    """A backup, from its creation on.

    Attributes:
        vault: Its vault.
        machine: The resource that it is of.
        point: The recovery point.
        created_at: When it was created; until ``point.usable_at`` it is being made.
        gone_at: When it was deleted; None while it is there.
        is_incremental: Whether it holds changes only.
        size_mb: What it takes of the vault, in megabytes.
        copies: The finished copies to other regions, each as the block of its task, with its end.
    """

    vault: Vault
    machine: Machine
    point: RecoveryPoint
    created_at: datetime
    gone_at: datetime | None
    is_incremental: bool
    size_mb: int
    copies: tuple[tuple[datetime, dict[str, Any]], ...] = ()

    def exists(self, now: datetime) -> bool:
        """Whether it is there at a time."""
        return self.created_at <= now and (self.gone_at is None or now < self.gone_at)


@dataclass(frozen=True)
class Protectable:
    """A resource that a vault could have.

    Attributes:
        object_type: ``server``, ``disk`` or ``turbo``.
        id: Its id.
        name: Its name as long as it has no other.
        size_gb: Size in gigabytes.
        tags: Its tags.
        created_at: When it appears; None if before the beginning of the estate.
        memberships: The vaults that ever have it, each with its state there; none if it is never enrolled.
    """

    object_type: str
    id: str
    name: str
    size_gb: int
    tags: dict[str, str]
    created_at: datetime | None = None
    memberships: tuple[tuple[Vault, Machine], ...] = ()

    def vault_at(self, now: datetime) -> Vault | None:
        """The vault that has it at a time."""
        return next((vault for vault, machine in self.memberships if machine.is_in_vault(now)), None)

    def name_at(self, now: datetime) -> str:
        """Its name at a time."""
        if not self.memberships:
            return self.name
        return str(self.memberships[0][1].resource_at(now)["name"])


@dataclass(frozen=True)
class EstateInventory:
    """Everything that the estate ever has, with when.

    Attributes:
        vaults: All vaults.
        scheduled: Ids of the vaults whose policy runs.
        tasks: All tasks, which tell what was deleted when.
        start: Beginning of the estate.
        end: Its end.
        seed: Another one gives other tags, sizes, and resources that were never enrolled.
    """

    vaults: tuple[Vault, ...] = ()
    scheduled: frozenset[str] = frozenset()
    tasks: tuple[Task, ...] = field(default=(), repr=False)
    start: datetime | None = None
    end: datetime | None = None
    seed: str = ""

    def vaults_at(self, now: datetime) -> list[Vault]:
        """The vaults that exist at a time; the log shows no creation of one."""
        gone = self._vaults_gone
        return [vault for vault in self.vaults if vault.id not in gone or now < gone[vault.id]]

    def policies_at(self, now: datetime) -> list[Vault]:
        """The vaults whose policy exists at a time."""
        return [vault for vault in self.vaults_at(now) if vault.id in self.scheduled]

    def backups_at(self, now: datetime) -> list[StoredBackup]:
        """The backups that exist at a time, oldest first; those that are being made too."""
        return [backup for backup in self.backups if backup.exists(now)]

    def protectables_at(self, object_type: str, now: datetime) -> list[Protectable]:
        """The resources of a type that exist at a time, whether or not a vault has them."""
        found = self._protectables.get(object_type, ())
        return [one for one in found if one.created_at is None or one.created_at <= now]

    def never_enrolled_at(self, now: datetime) -> list[Protectable]:
        """The resources that exist at a time and that no vault ever has."""
        kinds = (self.protectables_at(object_type, now) for object_type in OBJECT_TYPES)
        return [one for found in kinds for one in found if not one.memberships]

    def random_of(self, *names: str) -> Random:
        """Randomness of its own for each thing, whatever else is drawn."""
        return Random("/".join((self.seed, *names)))

    @cached_property
    def backups(self) -> Sequence[StoredBackup]:
        """All backups, by creation."""
        found = [one for vault in self.vaults for one in self._backups_of(vault)]
        return sorted(found, key=lambda one: (one.created_at, one.point.backup_id))

    def _backups_of(self, vault: Vault) -> Iterator[StoredBackup]:
        for machine in vault.machines:
            for point in machine.points:
                task, gone_at = self._made.get(point.backup_id), self._deleted.get(point.backup_id)
                if machine.removed_at is not None and point.usable_at <= machine.removed_at:
                    gone_at = machine.removed_at if gone_at is None else min(gone_at, machine.removed_at)
                is_incremental = task is None or bool(task.blocks["backup"]["incremental"])
                share = machine.change_rate if is_incremental else 0.6
                yield StoredBackup(
                    vault=vault,
                    machine=machine,
                    point=point,
                    created_at=point.usable_at - timedelta(minutes=4) if task is None else task.created_at,
                    gone_at=gone_at,
                    is_incremental=is_incremental,
                    size_mb=max(1, round(1024 * machine.size_gb * share)),
                    copies=tuple(self._copies.get(point.backup_id, ())),
                )

    @cached_property
    def _made(self) -> dict[str, Task]:
        return {
            str(task.blocks["backup"]["backup_id"]): task
            for task in self.tasks
            if "backup" in task.blocks and "incremental" in task.blocks["backup"]
        }

    @cached_property
    def _deleted(self) -> dict[str, datetime]:
        return {
            str(task.blocks["delete"]["backup_id"]): task.ended_at
            for task in self.tasks
            if "delete" in task.blocks and task.outcome == "success" and task.ended_at is not None
        }

    @cached_property
    def _copies(self) -> dict[str, list[tuple[datetime, dict[str, Any]]]]:
        found: dict[str, list[tuple[datetime, dict[str, Any]]]] = {}
        for task in self.tasks:
            block = task.blocks.get("replication")
            if block and task.outcome == "success" and task.ended_at is not None:
                found.setdefault(str(block["source_backup_id"]), []).append((task.ended_at, block))
        return found

    @cached_property
    def _vaults_gone(self) -> dict[str, datetime]:
        return {
            str(task.vault_id): task.ended_at
            for task in self.tasks
            if task.operation_type == "vault_delete" and task.ended_at is not None
        }

    @cached_property
    def _protectables(self) -> dict[str, tuple[Protectable, ...]]:
        names = {kind: object_type for object_type, kind in OBJECT_TYPES.items()}
        members: dict[str, list[tuple[Vault, Machine]]] = {}
        for vault in self.vaults:
            for machine in vault.machines:
                members.setdefault(machine.id, []).append((vault, machine))
        found: dict[str, list[Protectable]] = {object_type: [] for object_type in OBJECT_TYPES}
        for memberships in members.values():
            machine = memberships[0][1]
            found[names[machine.kind]].append(self._enrolled(names[machine.kind], machine, memberships))
        return {
            object_type: tuple(
                sorted([*enrolled, *self._never_enrolled(object_type, len(enrolled))], key=lambda one: one.id)
            )
            for object_type, enrolled in found.items()
        }

    def _enrolled(
        self, object_type: str, machine: Machine, memberships: Iterable[tuple[Vault, Machine]]
    ) -> Protectable:
        tags = draw_tags(self.random_of("tags", machine.id))
        name = str(machine.resource["name"])
        size = max(1, round(machine.size_gb))
        return Protectable(object_type, machine.id, name, size, tags, memberships=tuple(memberships))

    def _never_enrolled(self, object_type: str, enrolled: int) -> Iterator[Protectable]:
        """Some resources that nobody put into a vault; a few appear during the estate, but not the first."""
        if self.start is None or self.end is None:
            return
        random = self.random_of("never enrolled", object_type)
        for number in range(max(1, round(NEVER_ENROLLED_SHARE * enrolled))):
            created_at = self.start + (self.end - self.start) * random.random()
            yield Protectable(
                object_type,
                draw_id(random),
                f"{OBJECT_TYPES[object_type][2]}-{random.choice(_USES)}-u{number:04d}",
                max(10, round(100 * random.lognormvariate(0, 0.8))),
                draw_tags(random),
                created_at if random.random() < 0.2 and number else None,
            )


def draw_tags(random: Random) -> dict[str, str]:
    """Tags of a resource or vault: some have none."""
    tags = {"env": random.choice(_ENVIRONMENTS), "team": random.choice(_TEAMS)}
    return tags if random.random() < 0.85 else {}


def draw_id(random: Random) -> str:
    """A UUID of version 4."""
    text = f"{random.getrandbits(128) & ~(0xF << 76 | 0xC << 60) | (0x4 << 76 | 0x8 << 60):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
