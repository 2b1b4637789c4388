"""What a customer has: vaults with policies, and machines in them. What happens to them is ``life``."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

SERVER = ("0daac4c5-6707-4851-97ba-169e36266b66", "OS::Nova::Server", "ecs")
DISK = ("d1603440-187d-4516-af25-121250c7cc97", "OS::Cinder::Volume", "evs")
TURBO = ("3f3c3220-245c-4805-b811-758870015881", "OS::Sfs::Turbo", "sfs")

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
WORKING_DAYS = (0, 1, 2, 3, 4)


@dataclass
class Misconfiguration:
    """A lasting misconfiguration of a resource.

    Attributes:
        begins_at: From when.
        ends_at: When it is mended.
        code: The error that it causes.
        share: The share of backups that fail of it.
        attempts: Backups tried meanwhile: when created, when ended, id, and whether it failed of it.
    """

    begins_at: datetime
    ends_at: datetime
    code: str
    share: float = 0.96
    attempts: list[tuple[datetime, datetime, str, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A recovery point, also one that was made before the estate begins.

    Attributes:
        backup_id: Its id.
        name: Its name.
        usable_at: When it was finished.
        expires_at: When it is deleted as too old; None for what was made by hand and never expires.
        checkpoint_id: The run of the vault that it belongs to.
    """

    backup_id: str
    name: str
    usable_at: datetime
    expires_at: datetime | None
    checkpoint_id: str


@dataclass(eq=False)
class Machine:
    """A resource in a vault, with what it is prone to and what it went through.

    Attributes:
        number: Its number in the estate.
        kind: Provider, type and the beginning of its name.
        resource: The block that its tasks' records show.
        size_gb: How much it holds.
        changing: Which share of that changes from backup to backup.
        gb_a_second: How fast it is read.
        overhead_seconds: What a backup takes beside reading.
        frailty: How much likelier than usual its backups fail, in standard deviations.
        enrolled_at: When it came into the vault; None if before the estate begins.
        removed_at: When it left it; None while it is there.
        renamed: When it gets another name, and the block with that name.
        is_rename_told: Whether a backup has shown that name.
        busy_until: End of its newest backup.
        has_full: Whether there is a full backup to build on.
        illnesses: Its misconfigurations.
        lasted: Seconds of its last incremental backups.
        runs: When each backup was created, and when it ended.
        elsewhere: The same of the other vault that it is in; None where it is in one only.
        rerun_at: When somebody will try again after a failure.
        has_failed: Whether its newest backup failed.
        points: Its recovery points.
    """

    number: int
    kind: tuple[str, str, str]
    resource: dict[str, Any]
    size_gb: float
    changing: float
    gb_a_second: float
    overhead_seconds: float
    frailty: float
    busy_until: datetime
    enrolled_at: datetime | None = None
    removed_at: datetime | None = None
    renamed: tuple[datetime, dict[str, Any]] | None = None
    is_rename_told: bool = False
    has_full: bool = True
    illnesses: list[Misconfiguration] = field(default_factory=list)
    lasted: deque[float] = field(default_factory=lambda: deque(maxlen=28))
    runs: list[tuple[datetime, datetime]] = field(default_factory=list)
    elsewhere: list[tuple[datetime, datetime]] | None = None
    rerun_at: datetime | None = None
    has_failed: bool = False
    points: list[RecoveryPoint] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Id of the resource."""
        return str(self.resource["id"])

    def resource_at(self, at: datetime) -> dict[str, Any]:
        """The block that records of that time show."""
        return self.renamed[1] if self.renamed is not None and at >= self.renamed[0] else self.resource

    def illness_at(self, at: datetime) -> Misconfiguration | None:
        """The misconfiguration of that time."""
        return next((one for one in self.illnesses if one.begins_at <= at < one.ends_at), None)

    def is_in_vault(self, at: datetime) -> bool:
        """Whether it is enrolled and not removed at a time."""
        has_come = self.enrolled_at is None or self.enrolled_at <= at
        return has_come and (self.removed_at is None or at < self.removed_at)

    def in_another_vault(self, start: datetime) -> "Machine":
        """The same resource as another vault knows it: the same troubles, but recovery points of its own.

        Args:
            start: When the estate begins.
        """
        other = replace(
            self,
            busy_until=start,
            has_full=True,
            lasted=deque(maxlen=28),
            runs=[],
            elsewhere=self.runs,
            rerun_at=None,
            has_failed=False,
            points=[],
        )
        self.elsewhere = other.runs
        return other

    def is_backed_up_elsewhere(self, begin: datetime, end: datetime) -> bool:
        """Whether the other vault backs it up in a span of time."""
        return any(created <= end and begin <= ended for created, ended in self.elsewhere or ())

    def is_backed_up(self, begin: datetime, end: datetime) -> bool:
        """Whether any vault backs it up in a span of time."""
        here = any(created <= end and begin <= ended for created, ended in self.runs)
        return here or self.is_backed_up_elsewhere(begin, end)


@dataclass(eq=False)
class Vault:
    """A vault and its policy.

    Attributes:
        id: Its id.
        name: Its name.
        policy_id: The policy; empty where a person acts without one.
        project: Its enterprise project.
        hours: Hours of the day at which the policy runs, by its clock.
        weekdays: Days of the week on which it does, Monday is 0.
        kind: Provider and type of its resources.
        retention: How long backups are kept.
        replicates: Whether backups are copied to another region.
        is_app_consistent: Whether backups are to be application-consistent.
        machines: The resources.
        is_anchor: Whether what every estate shows once at least may be made to happen in it.
        full: From when to when it is over its capacity.
        removal_at: When some of its machines leave it.
        leaving: Which.
        zone: The clock by which the policy runs.
        edited: When somebody changes the policy, and its hours from then on.
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
    edited: tuple[datetime, tuple[int, ...]] | None = None

    @property
    def has_moving_hours(self) -> bool:
        """Whether the policy does not run at the same hours of UTC all the time."""
        return self.zone is not UTC or self.edited is not None

    def hours_at(self, at: datetime) -> tuple[int, ...]:
        """Hours of the day, by its clock, at which the policy of that time runs."""
        return self.edited[1] if self.edited is not None and at >= self.edited[0] else self.hours

    def keeps(self, machine: Machine, at: datetime) -> bool:
        """Whether a machine is in it at a time, which may lie beyond a removal that is still to come."""
        is_leaving = self.removal_at is not None and machine in self.leaving and at >= self.removal_at
        return machine.is_in_vault(at) and not is_leaving

    def slots(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """When the policy runs, from a time until before another."""
        hours = sorted({*self.hours, *self.hours_at(end)})
        day = begin.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        while day < end:
            if day.weekday() in self.weekdays:
                for hour in hours:
                    slot = day.replace(hour=hour).astimezone(UTC)
                    if begin <= slot < end and hour in self.hours_at(slot):
                        yield slot
            day += timedelta(days=1)

    def next_slot(self, after: datetime) -> datetime:
        """The first slot after a time."""
        return next(self.slots(after + timedelta(seconds=1), after + timedelta(days=9)))

    def by_hand(self) -> "Vault":
        """The vault as a person uses it: without its policy."""
        return replace(self, policy_id="")
