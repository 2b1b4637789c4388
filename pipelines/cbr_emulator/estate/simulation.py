"""What all vaults of an estate share: its times, its chance, what struck the region, what is told.

The hours of the estate are those of UTC, without any daylight saving: a night is 20:00 to 08:00 UTC.
Only one vault goes by another clock (``moving_hours``).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.model import Machine, Misconfiguration, Vault
from cbr_emulator.estate.task import Task

SHOWN_BY = timedelta(hours=20)
"""How long before the present something must have begun to count as shown by chance."""

_VERSION_4 = 0x4 << 76 | 0x8 << 60
_FREE = ~(0xF << 76 | 0xC << 60)


@dataclass
class Incident:
    """A trouble of the region: while it lasts some backups fail and the others crawl.

    Attributes:
        begins_at: When it begins.
        ends_at: When it ends.
        share: The share of backups that fail.
        failed: Ids of those that did.
    """

    begins_at: datetime
    ends_at: datetime
    share: float
    failed: list[str] = field(default_factory=list)


@dataclass
class Simulation:
    """The estate while it is made.

    Attributes:
        random: All chance.
        start: When the estate begins.
        now: Its present.
        end: When it ends, ahead of its present.
        wanted: How many tasks a day it is to have.
        incidents: What strikes the region.
        drill_at: When restores are rehearsed; None where that does not fall into the estate.
        owed: What every estate shows once at least, with the time from which on it may be made to happen.
        episodes: What was made to happen.
        machines: All machines that a policy protects, with their vaults.
        illnesses: All misconfigurations, with the resource of each.
    """

    random: Random
    start: datetime
    now: datetime
    end: datetime
    wanted: float
    incidents: list[Incident] = field(default_factory=list)
    drill_at: datetime | None = None
    owed: dict[str, datetime] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)
    machines: list[tuple[Vault, Machine]] = field(default_factory=list)
    illnesses: list[tuple[str, Misconfiguration]] = field(default_factory=list)

    def new_id(self) -> str:
        """A UUID of version 4, without the class for them, which would take a fifth of all time."""
        text = f"{self.random.getrandbits(128) & _FREE | _VERSION_4:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def pick(self, weighted: tuple[tuple[Any, float], ...]) -> Any:
        """One of several values, each as likely as it weighs."""
        return self.random.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]

    def has_luck(self, chance: float) -> bool:
        """Whether something of that probability happens."""
        return self.random.random() < chance

    def tell(self, kind: str, span: tuple[datetime, datetime], tasks: tuple[str, ...], about: str) -> None:
        """Notes an episode; one that lies well within the past need not be made to happen any more."""
        self.episodes.append(Episode(kind, *span, tasks, about))
        if self.start <= span[0] < self.now - SHOWN_BY:
            self.owed.pop(kind, None)

    def owes(self, kind: str, at: datetime) -> bool:
        """Whether something is still to be made to happen, and this is the time for it."""
        return kind in self.owed and self.owed[kind] <= at < self.now - 1.1 * SHOWN_BY

    def incident_at(self, at: datetime) -> Incident | None:
        """The incident of that time."""
        return next((one for one in self.incidents if one.begins_at <= at < one.ends_at), None)

    def task(  # noqa: PLR0913  # a task has this many facts
        self,
        vault: Vault,
        machine: Machine | None,
        operation: str,
        created: datetime,
        *,
        blocks: dict[str, Any],
        started: datetime | None,
        ended: datetime | None,
        outcome: str = "success",
        error: tuple[str, str] = ("", ""),
        checkpoint: str | None = None,
    ) -> Task:
        """A new task."""
        is_by_policy = operation in {"backup", "replication"} and vault.policy_id
        return Task(
            id=self.new_id(),
            operation_type=operation,
            created_at=created,
            started_at=started,
            ended_at=ended,
            outcome=outcome,
            provider_id=vault.kind[0],
            vault_id=vault.id,
            vault_name=vault.name,
            enterprise_project_id=vault.project,
            resource=machine.resource_at(created) if machine else None,
            policy_id=vault.policy_id if is_by_policy else None,
            checkpoint_id=checkpoint,
            error=error,
            blocks=blocks,
        )
