"""State shared by all vaults of a simulation: times, randomness, incidents and recorded episodes.

Hours are UTC without daylight saving time, so a night is 20:00 to 08:00 UTC. The only exception is the
vault with summer time (``schedule_changes``).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.lasting_changes import Misconfiguration
from cbr_emulator.estate.model import Machine, Vault
from cbr_emulator.estate.task import Task

SHOWN_BEFORE = timedelta(hours=20)
"""An episode counts as shown only if it began at least this long before the present."""

_VERSION_4 = 0x4 << 76 | 0x8 << 60
_RANDOM_BITS = ~(0xF << 76 | 0xC << 60)


@dataclass
class Incident:
    """An incident of the region: while it lasts some backups fail and the others are slow.

    Attributes:
        begins_at: When it begins.
        ends_at: When it ends.
        share: Share of backups that fail.
        failed: Ids of the backups that failed.
    """

    begins_at: datetime
    ends_at: datetime
    share: float
    failed: list[str] = field(default_factory=list)


@dataclass
class Simulation:
    """The state of a simulation.

    Attributes:
        random: Source of all randomness.
        start: Beginning of the estate.
        now: Its present.
        end: Its end, after the present.
        tasks_per_day: Wanted tasks per day.
        incidents: Incidents of the region.
        drill_at: Time of the restore drill; None without one.
        required: Episodes still to be made to happen, with the earliest time for each.
        episodes: Recorded episodes.
        machines: All machines with a policy, with their vaults.
        misconfigurations: All misconfigurations, with the id of the resource.
    """

    random: Random
    start: datetime
    now: datetime
    end: datetime
    tasks_per_day: float
    incidents: list[Incident] = field(default_factory=list)
    drill_at: datetime | None = None
    required: dict[str, datetime] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)
    machines: list[tuple[Vault, Machine]] = field(default_factory=list)
    misconfigurations: list[tuple[str, Misconfiguration]] = field(default_factory=list)

    def new_id(self) -> str:
        """A random UUID of version 4; formatted here because the class UUID took a fifth of the run time."""
        text = f"{self.random.getrandbits(128) & _RANDOM_BITS | _VERSION_4:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def choose(self, weighted: tuple[tuple[Any, float], ...]) -> Any:
        """A weighted random choice."""
        return self.random.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]

    def happens(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random.random() < probability

    def record_episode(
        self, kind: str, span: tuple[datetime, datetime], tasks: tuple[str, ...], about: str
    ) -> None:
        """Records an episode; one that is well in the past need not be made to happen any more."""
        self.episodes.append(Episode(kind, *span, tasks, about))
        if self.start <= span[0] < self.now - SHOWN_BEFORE:
            self.required.pop(kind, None)

    def must_happen(self, kind: str, at: datetime) -> bool:
        """Whether a required episode is still missing and may be made to happen at this time."""
        return kind in self.required and self.required[kind] <= at < self.now - 1.1 * SHOWN_BEFORE

    def incident_at(self, at: datetime) -> Incident | None:
        """The incident in effect at a time."""
        return next((one for one in self.incidents if one.begins_at <= at < one.ends_at), None)

    def task(  # noqa: PLR0913  # a task has this many attributes
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
        """Creates a task."""
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
