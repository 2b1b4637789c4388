"""What happens in an estate: backups by policy, what follows from them, and what goes wrong."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from pipelines.emulator.episodes import Episode
from pipelines.emulator.errors_of_tasks import BY_CHANCE, LASTING, error
from pipelines.emulator.inventory import (
    DISK,
    NAMES,
    PER_RUN,
    RUNS_A_DAY,
    SERVER,
    TURBO,
    Machine,
    Vault,
    replace_policy,
)
from pipelines.emulator.task import Task


class Lives:
    """Draws vaults and lets them live; all of it follows from one source of randomness.

    Args:
        random: The randomness.
        start: When the estate begins.
        end: When it ends, ahead of its present.
    """

    def __init__(self, random: Random, start: datetime, end: datetime) -> None:
        self.random = random
        self.start = start
        self.end = end
        self.episodes: list[Episode] = []
        self.struck: list[tuple[datetime, datetime, float]] = []
        self.hit: list[list[str]] = []
        self.numbers = 0

    def strike(self) -> None:
        """Draws the incidents of the region: while one lasts, a share of all backups fails."""
        at = self.start + timedelta(days=self.random.uniform(2, 6))
        while at < self.end:
            at = at.replace(hour=self.random.choice((22, 23, 0, 1)))  # when most runs are under way
            lasts = timedelta(hours=min(8, self.random.lognormvariate(0.8, 0.6)))
            self.hit.append([])
            self.struck.append((at, at + lasts, self.random.uniform(0.15, 0.7)))
            at += timedelta(days=9 * self.random.paretovariate(1.4))

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def told(self) -> list[Episode]:
        """Everything that was made to happen, the incidents of the region included."""
        incidents = [
            Episode("incident", begin, end, tuple(hit), "region")
            for (begin, end, _), hit in zip(self.struck, self.hit, strict=True)
        ]
        return [*self.episodes, *incidents]

    def vault(self, room: float) -> Vault:
        """Draws a vault that runs at most about so many tasks a day."""
        kind = self.random.choices((SERVER, DISK, TURBO), (70, 25, 5))[0]
        runs = self.random.choices([n for n, _ in RUNS_A_DAY], [w for _, w in RUNS_A_DAY])[0]
        runs = runs if runs * PER_RUN < room else 1
        most = max(1, int(room / (2 * runs * PER_RUN)))
        size = min(256, most, int(4 * self.random.paretovariate(1.2)))
        first = self.random.choices((22, 23, 0, 1, 2, 3, 12), (10, 10, 25, 20, 20, 10, 5))[0]
        slots = tuple(sorted((first + n * 24 // runs) % 24 for n in range(runs)))
        number = self.numbers
        return Vault(
            id=self._id(),
            name=f"vault-{number:04d}",
            policy_id=self._id(),
            project=self.random.choice(("0", "5f7f2bb1-9d8f-4b2e-9c5d-6b1b0f0c3a11")),
            slots=slots,
            kind=kind,
            retention=timedelta(days=self.random.choice((7, 14, 30))),
            replicates=kind is SERVER and self.random.random() < 0.45,
            machines=[self._machine(kind) for _ in range(size)],
        )

    def _machine(self, kind: tuple[str, str, str]) -> Machine:
        self.numbers += 1
        resource: dict[str, Any] = {
            "id": self._id(),
            "name": f"{kind[2]}-{self.random.choice(NAMES)}-{self.numbers:05d}",
            "type": kind[1],
        }
        if kind is SERVER and self.random.random() < 0.15:
            volumes = [{"id": self._id(), "os_version": self.random.choice(("CentOS 7.6", "Debian 12"))}]
            resource["extra_info"] = {"include_volumes": volumes, "exclude_volumes": [self._id()]}
        return Machine(self.numbers, kind, resource, self.random.gauss(0, 1), self.start)

    def at_work(self, now: datetime) -> Iterator[Task]:
        """What people have just begun by hand: some of it runs at a time, some still waits."""
        vault = replace_policy(self.vault(0))
        for minutes, waits in ((25, 1), (9, 1), (3, 6), (1, 4)):
            machine = self._machine(vault.kind)
            created = now - timedelta(minutes=minutes, seconds=self.random.uniform(0, 50))
            started = created + timedelta(minutes=waits)
            block = {
                "backup_id": self._id(),
                "backup_name": f"manualbk_{machine.number:05d}",
                "incremental": False,
            }
            ended = now + timedelta(minutes=self.random.uniform(8, 40))
            told = ("", "")
            blocks = {"backup": block}
            yield self._task(
                vault, machine, "backup", created, started, ended, "success", told, blocks, self._id()
            )

    def live(self, vault: Vault) -> Iterator[Task]:
        """All that happens in a vault, slot by slot."""
        day = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        while day < self.end:
            for hour in vault.slots:
                slot = day + timedelta(hours=hour)
                if slot < self.start:
                    continue
                checkpoint = self._id()
                for machine in vault.machines:
                    yield from self._run(vault, machine, slot, checkpoint)
            yield from self._sundries(vault, day)
            day += timedelta(days=1)
        for machine in vault.machines:
            self._end_streak(machine)

    def _run(self, vault: Vault, machine: Machine, slot: datetime, checkpoint: str) -> Iterator[Task]:
        created = slot + timedelta(seconds=self.random.uniform(0, 2))
        if machine.busy_until > created:
            yield self._task(
                vault, machine, "backup", created, None, created, "skipped", ("", ""), {}, checkpoint
            )
            return
        backup = self._backup(vault, machine, created, checkpoint)
        yield backup
        if backup.outcome != "success" or backup.ended_at is None:
            if self.random.random() < 0.3:
                yield from self._rerun(vault, machine, backup)
            return
        yield from self._afterwards(vault, machine, backup)

    def _backup(self, vault: Vault, machine: Machine, created: datetime, checkpoint: str) -> Task:
        outcome, error, lasts = self._outcome(machine, created)
        started = created + timedelta(seconds=self.random.lognormvariate(2.9, 0.9))
        if self.random.random() < 0.0005:
            started = created - timedelta(milliseconds=32)
        is_full = not machine.has_full or self.random.random() < 1 / 30
        block: dict[str, Any] = {
            "backup_id": self._id(),
            "backup_name": f"autobk_{machine.number:05d}_{created:%Y%m%d%H%M}",
            "incremental": not is_full,
            "app_consistency_status": "0",
            "app_consistency_error_code": "",
            "app_consistency_error_message": "",
        }
        if machine.number % 5 == 0:
            downgraded = self.random.random() < 0.03
            block["app_consistency_status"] = "0" if downgraded else "1"
            block["app_consistency_error_code"] = "BackupService.7108" if downgraded else "0"
        stuck = outcome == "success" and self.random.random() < 0.00004
        ended = None if stuck else started + lasts
        machine.busy_until = self.end if ended is None else ended
        machine.has_full = machine.has_full or outcome == "success"
        task = self._task(
            vault, machine, "backup", created, started, ended, outcome, error, {"backup": block}, checkpoint
        )
        if machine.struck_by is not None:
            self.hit[machine.struck_by].append(task.id)
            machine.struck_by = None
        if stuck:
            self.episodes.append(Episode("stuck_task", started, self.end, (task.id,), machine.resource["id"]))
        return task

    def _outcome(self, machine: Machine, at: datetime) -> tuple[str, tuple[str, str], timedelta]:
        short = timedelta(seconds=self.random.lognormvariate(3.8, 1.2))
        if machine.sick_until is not None and at >= machine.sick_until:
            self._end_streak(machine)
        if machine.sick_until is None and self.random.random() < 1 / 420:
            machine.sick_until = at + timedelta(days=self.random.lognormvariate(1.1, 1.1))
            machine.sick_code = self._pick(LASTING)
        if machine.sick_until is not None and self.random.random() < 0.96:
            return "failed", error(machine.sick_code), short
        for place, (begin, end, share) in enumerate(self.struck):
            if begin <= at < end and self.random.random() < share:
                machine.struck_by = place
                return "failed", error("9910"), short
        if self.random.random() < 0.004 * 2.5**machine.frailty:
            return "failed", error(self._pick(BY_CHANCE)), short
        if self.random.random() < 4e-4:
            return "timeout", ("", ""), timedelta(hours=24)
        return "success", ("", ""), timedelta(seconds=self.random.lognormvariate(5.2, 0.9))

    def _end_streak(self, machine: Machine) -> None:
        failed = [task for task in machine.streak if task.outcome == "failed"]
        if machine.sick_until is not None and len(failed) > 1:
            ids = tuple(task.id for task in failed)
            begins, ends = failed[0].created_at, failed[-1].created_at
            self.episodes.append(Episode("failing_streak", begins, ends, ids, machine.resource["id"]))
        machine.sick_until = None
        machine.streak = []

    def _rerun(self, vault: Vault, machine: Machine, failed: Task) -> Iterator[Task]:
        at = (failed.ended_at or failed.created_at) + timedelta(hours=self.random.uniform(6, 10))
        # Where the policy runs again before that, nobody bothers.
        if at < machine.busy_until or len(vault.slots) > 2:
            return
        task = self._backup(replace_policy(vault), machine, at, self._id())
        task.blocks["backup"]["backup_name"] = f"manualbk_{machine.number:05d}"
        self.episodes.append(Episode("manual_rerun", at, at, (task.id,), machine.resource["id"]))
        yield task

    def _afterwards(self, vault: Vault, machine: Machine, backup: Task) -> Iterator[Task]:
        made = backup.blocks["backup"]
        usable = backup.ended_at or backup.created_at
        if vault.replicates:
            at = usable + timedelta(hours=5, seconds=self.random.uniform(0, 600))
            failed = self.random.random() < 0.018
            lasts = timedelta(seconds=self.random.lognormvariate(6, 1))
            block = {
                "source_backup_id": made["backup_id"],
                "source_backup_name": made["backup_name"],
                "source_checkpoint_id": backup.checkpoint_id,
                "source_project_id": None,
                "source_region": "eu-de",
                "destination_backup_id": None if failed else self._id(),
                "destination_backup_name": made["backup_name"],
                "destination_checkpoint_id": self._id(),
                "destination_project_id": "5b1a0c6d7e8f49a0b1c2d3e4f5a6b7c8",
                "destination_region": "eu-nl",
            }
            status = "failed" if failed else "success"
            told = error(self.random.choice(("4007", "1006"))) if failed else ("", "")
            started = at + timedelta(seconds=self.random.lognormvariate(5, 1))
            blocks = {"replication": block}
            yield self._task(
                vault, machine, "replication", at, started, started + lasts, status, told, blocks
            )
        expires = (usable + vault.retention).replace(minute=0, second=0) + timedelta(days=1)
        at = expires.replace(hour=8) + timedelta(seconds=self.random.uniform(0, 12 * 3600))
        # What was backed up before the estate begins expires within it.
        if vault.retention > timedelta(days=8):
            at -= vault.retention
        failed = self.random.random() < 0.004
        block = {"backup_id": made["backup_id"], "backup_name": made["backup_name"]}
        ended = at + timedelta(seconds=self.random.lognormvariate(3.2, 0.6))
        if at > usable:
            status = "failed" if failed else "success"
            told = error("6204") if failed else ("", "")
            yield self._task(vault, machine, "delete", at, at, ended, status, told, {"delete": block})
        if self.random.random() < 0.002:
            yield self._restore(vault, machine, backup, usable)

    def _restore(self, vault: Vault, machine: Machine, backup: Task, usable: datetime) -> Task:
        at = usable + timedelta(hours=self.random.uniform(1, 60))
        in_place = self.random.random() < 0.7
        block = {
            "backup_id": backup.blocks["backup"]["backup_id"],
            "backup_name": backup.blocks["backup"]["backup_name"],
            "target_resource_id": machine.resource["id"] if in_place else self._id(),
            "target_resource_name": machine.resource["name"]
            if in_place
            else f"{machine.resource['name']}-drill",
        }
        failed = self.random.random() < 0.04
        told = error("2008") if failed else ("", "")
        ended = at + timedelta(seconds=self.random.lognormvariate(6.5, 0.9))
        status = "failed" if failed else "success"
        return self._task(vault, machine, "restore", at, at, ended, status, told, {"restore": block})

    def _sundries(self, vault: Vault, day: datetime) -> Iterator[Task]:
        at = max(self.start, day + timedelta(hours=self.random.uniform(8, 18)))
        chance = self.random.random()
        if chance < 0.01:
            several = self.random.sample(vault.machines, min(3, len(vault.machines)))
            resources = [machine.resource for machine in several]
            block = {"fail_count": 0, "total_count": 7 * len(resources), "resources": resources}
            yield self._bare(vault, "remove_resource", at, {"remove_resources": block})
        elif chance < 0.02:
            block = {
                "sync_backup_num": self.random.randrange(30),
                "delete_backup_num": 1,
                "err_sync_backup_num": 0,
            }
            yield self._bare(vault, "sync", at, {"sync": block})
        elif chance < 0.025:
            yield self._bare(
                vault, "vault_delete", at, {"vault_delete": {"fail_count": 0, "total_count": 12}}
            )
        elif chance < 0.03:
            yield self._bare(vault, "migrate_resources", at, {})
        elif chance < 0.035:
            yield self._bare(vault, "copy", at, {})

    def _bare(self, vault: Vault, operation: str, at: datetime, blocks: dict[str, Any]) -> Task:
        ended = at + timedelta(seconds=self.random.uniform(1, 90))
        return self._task(vault, None, operation, at, at, ended, "success", ("", ""), blocks)

    def _task(  # noqa: PLR0913, PLR0917  # a task has this many facts
        self,
        vault: Vault,
        machine: Machine | None,
        operation: str,
        created: datetime,
        started: datetime | None,
        ended: datetime | None,
        outcome: str,
        told: tuple[str, str],
        blocks: dict[str, Any],
        checkpoint: str | None = None,
    ) -> Task:
        task = Task(
            id=self._id(),
            operation_type=operation,
            created_at=created,
            started_at=started,
            ended_at=ended,
            outcome=outcome,
            provider_id=vault.kind[0],
            vault_id=vault.id,
            vault_name=vault.name,
            enterprise_project_id=vault.project,
            resource=machine.resource if machine else None,
            policy_id=vault.policy_id if operation in {"backup", "replication"} and vault.policy_id else None,
            checkpoint_id=checkpoint,
            error=told,
            blocks=blocks,
        )
        if machine is not None and machine.sick_until is not None:
            machine.streak.append(task)
        return task

    def _pick(self, weighted: tuple[tuple[str, int], ...]) -> str:
        return self.random.choices([code for code, _ in weighted], [weight for _, weight in weighted])[0]
