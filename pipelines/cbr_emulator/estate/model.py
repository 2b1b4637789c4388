"""Entities of the estate: vaults with policies, and machines in them; no behaviour."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from cbr_emulator.estate.lasting_changes import Misconfiguration, PolicyEdit, Slowdown

SERVER = ("0daac4c5-6707-4851-97ba-169e36266b66", "OS::Nova::Server", "ecs")
DISK = ("d1603440-187d-4516-af25-121250c7cc97", "OS::Cinder::Volume", "evs")
TURBO = ("3f3c3220-245c-4805-b811-758870015881", "OS::Sfs::Turbo", "sfs")

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
WORKING_DAYS = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A recovery point: the usable result of a backup.

    Attributes:
        backup_id: Id of the backup.
        name: Name of the backup.
        usable_at: When the backup was finished.
        expires_at: When retention deletes it; None for manual backups, which never expire.
        checkpoint_id: The run of the vault that it belongs to.
    """

    backup_id: str
    name: str
    usable_at: datetime
    expires_at: datetime | None
    checkpoint_id: str


@dataclass(eq=False)
class Machine:
    """A resource in a vault, with its properties and its history.

    Attributes:
        number: Its number in the estate.
        kind: Provider id, resource type and prefix of its name.
        resource: The ``resource`` block of its tasks' records.
        size_gb: Size in gigabytes.
        change_rate: Share of the size that changes between two backups.
        gb_per_second: Read rate.
        overhead_seconds: Duration of a backup without reading.
        failure_tendency: How much likelier than usual its backups fail, in standard deviations.
        enrolled_at: When it was added to the vault; None if before the beginning of the estate.
        removed_at: When it was removed from the vault; None while it is there.
        renamed: When it gets another name, and the block with that name.
        is_rename_recorded: Whether a backup has already shown that name.
        busy_until: End of its newest backup.
        has_full: Whether there is a full backup to build on.
        misconfigurations: Its misconfigurations, latest first.
        recent_seconds: Durations of its latest incremental backups.
        runs: Created and ended times of its backups in this vault.
        elsewhere: The same for the other vault that contains it; None if there is no other.
        rerun_at: When a failed backup will be retried manually.
        has_failed: Whether its newest backup failed.
        points: Its recovery points.
        stopped: When its vault does not back it up although no task removed it: begin and end.
        misses_on: UTC days on which the runs of its policy pass without a task of it.
        slowdown: A time in which its backups take longer; None without one.
    """

    number: int
    kind: tuple[str, str, str]
    resource: dict[str, Any]
    size_gb: float
    change_rate: float
    gb_per_second: float
    overhead_seconds: float
    failure_tendency: float
    busy_until: datetime
    enrolled_at: datetime | None = None
    removed_at: datetime | None = None
    renamed: tuple[datetime, dict[str, Any]] | None = None
    is_rename_recorded: bool = False
    has_full: bool = True
    misconfigurations: list[Misconfiguration] = field(default_factory=list)
    recent_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=28))
    runs: list[tuple[datetime, datetime]] = field(default_factory=list)
    elsewhere: list[tuple[datetime, datetime]] | None = None
    rerun_at: datetime | None = None
    has_failed: bool = False
    points: list[RecoveryPoint] = field(default_factory=list)
    stopped: tuple[datetime, datetime] | None = None
    misses_on: frozenset[date] = frozenset()
    slowdown: Slowdown | None = None

    @property
    def id(self) -> str:
        """Id of the resource."""
        return str(self.resource["id"])

    def resource_at(self, at: datetime) -> dict[str, Any]:
        """The ``resource`` block at a time."""
        return self.renamed[1] if self.renamed is not None and at >= self.renamed[0] else self.resource

    def is_stopped(self, at: datetime) -> bool:
        """Whether its vault leaves it out at a time."""
        return self.stopped is not None and self.stopped[0] <= at < self.stopped[1]

    def misconfiguration_at(self, at: datetime) -> Misconfiguration | None:
        """The misconfiguration in effect at a time."""
        return next((one for one in self.misconfigurations if one.begins_at <= at < one.ends_at), None)

    def is_in_vault(self, at: datetime) -> bool:
        """Whether it is in the vault at a time."""
        has_come = self.enrolled_at is None or self.enrolled_at <= at
        return has_come and (self.removed_at is None or at < self.removed_at)

    def in_another_vault(self, start: datetime) -> "Machine":
        """The same resource as a member of another vault: same misconfigurations, separate recovery points.

        Args:
            start: Beginning of the estate.
        """
        other = replace(
            self,
            busy_until=start,
            has_full=True,
            recent_seconds=deque(maxlen=28),
            runs=[],
            elsewhere=self.runs,
            rerun_at=None,
            has_failed=False,
            points=[],
            stopped=None,
        )
        self.elsewhere = other.runs
        return other

    def is_backed_up_elsewhere(self, begin: datetime, end: datetime) -> bool:
        """Whether the other vault backs it up during a time span."""
        return any(created <= end and begin <= ended for created, ended in self.elsewhere or ())

    def is_backed_up(self, begin: datetime, end: datetime) -> bool:
        """Whether any vault backs it up during a time span."""
        here = any(created <= end and begin <= ended for created, ended in self.runs)
        return here or self.is_backed_up_elsewhere(begin, end)


@dataclass(eq=False)
class Vault:
    """A vault and its policy.

    Attributes:
        id: Its id.
        name: Its name.
        policy_id: The policy; empty for manual operations.
        project: Its enterprise project.
        hours: Hours of the day at which the policy runs, in ``zone``.
        weekdays: Days of the week on which it runs, Monday is 0.
        kind: Provider id, resource type and name prefix of its resources.
        retention: How long backups are kept.
        replicates: Whether backups are copied to another region.
        is_app_consistent: Whether backups should be application-consistent.
        machines: The resources.
        is_anchor: Whether required episodes may be made to happen in it.
        full: Periods over capacity: begin, end, ids of the backups that failed because of it.
        removal_at: When some of its machines are removed.
        leaving: The machines to be removed.
        zone: Time zone of the policy.
        edits: Edits of the policy, oldest first.
        stopped: When the policy is switched off and on again; None if it never is.
        retention_change: When the retention is changed, and to what; None if it never is.
        bulk_deletions: Times at which somebody deletes many of its backups, besides those drawn.
        stagger: How much later than the machine before it the backup of each machine is created.
        destinations: Regions that backups are copied to, if it replicates.
    """

    id: str
    name: str
    policy_id: str
    project: str
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    kind: tuple[str, str, str]
    retention: timedelta
    replicates: bool
    is_app_consistent: bool
    machines: list[Machine] = field(default_factory=list)
    is_anchor: bool = False
    full: list[tuple[datetime, datetime, list[str]]] = field(default_factory=list)
    removal_at: datetime | None = None
    leaving: list[Machine] = field(default_factory=list)
    zone: tzinfo = UTC
    edits: list[PolicyEdit] = field(default_factory=list)
    stopped: tuple[datetime, datetime] | None = None
    retention_change: tuple[datetime, timedelta] | None = None
    bulk_deletions: list[datetime] = field(default_factory=list)
    stagger: timedelta = timedelta()
    destinations: tuple[str, ...] = ("eu-nl",)

    @property
    def has_changing_hours(self) -> bool:
        """Whether the hours of the policy in UTC change during the estate."""
        return self.zone is not UTC or bool(self.edits)

    def hours_at(self, at: datetime) -> tuple[int, ...]:
        """Hours of the day, in ``zone``, at which the policy in effect at a time runs."""
        return next((edit.hours for edit in reversed(self.edits) if at >= edit.at), self.hours)

    def weekdays_at(self, at: datetime) -> tuple[int, ...]:
        """Weekdays, in ``zone``, on which the policy in effect at a time runs."""
        return next((edit.weekdays for edit in reversed(self.edits) if at >= edit.at), self.weekdays)

    def retention_at(self, at: datetime) -> timedelta:
        """How long backups are kept by the policy in effect at a time."""
        change = self.retention_change
        return change[1] if change is not None and at >= change[0] else self.retention

    def is_stopped(self, at: datetime) -> bool:
        """Whether its policy is switched off at a time."""
        return self.stopped is not None and self.stopped[0] <= at < self.stopped[1]

    def keeps(self, machine: Machine, at: datetime) -> bool:
        """Whether a machine is in the vault at a time, planned removals included."""
        is_leaving = self.removal_at is not None and machine in self.leaving and at >= self.removal_at
        return machine.is_in_vault(at) and not is_leaving

    def slots(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """Scheduled times of the policy in [begin, end)."""
        hours = sorted({*self.hours, *(hour for edit in self.edits for hour in edit.hours)})
        day = begin.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        while day < end:
            for hour in hours:
                slot = day.replace(hour=hour).astimezone(UTC)
                is_due = hour in self.hours_at(slot) and day.weekday() in self.weekdays_at(slot)
                if is_due and begin <= slot < end and not self.is_stopped(slot):
                    yield slot
            day += timedelta(days=1)

    def next_slot(self, after: datetime) -> datetime:
        """The first scheduled time after a time; nine days later, if its policy is switched off."""
        latest = after + timedelta(days=9)
        return next(self.slots(after + timedelta(seconds=1), latest), latest)

    def without_policy(self) -> "Vault":
        """The vault without its policy, for manual operations."""
        return replace(self, policy_id="")
