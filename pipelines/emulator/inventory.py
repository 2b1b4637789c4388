"""What a customer has: vaults with policies, and machines in them. What happens to them is ``life``."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pipelines.emulator.task import Task

SERVER = ("0daac4c5-6707-4851-97ba-169e36266b66", "OS::Nova::Server", "ecs")
DISK = ("d1603440-187d-4516-af25-121250c7cc97", "OS::Cinder::Volume", "evs")
TURBO = ("3f3c3220-245c-4805-b811-758870015881", "OS::Sfs::Turbo", "sfs")

NAMES = ("web", "db", "mail", "erp", "build", "log", "cache", "财务", "订单", "测试")
RUNS_A_DAY = ((1, 62), (2, 10), (4, 8), (24, 2))
PER_RUN = 1.9
"""Tasks that follow from one backup on average: copies, deletions and the rest."""


@dataclass
class Machine:
    """A resource in a vault, with what it is prone to.

    Attributes:
        number: Its number in the estate.
        kind: Provider, type and the beginning of its name.
        resource: The block that its tasks' records show.
        frailty: How much likelier than usual its backups fail, in standard deviations.
        busy_until: End of its newest backup.
        has_full: Whether there is a full backup to build on.
        sick_until: When a lasting misconfiguration is mended; None while there is none.
        sick_code: The error that it causes.
        streak: Its tasks since that began.
        struck_by: The incident that makes its present backup fail.
    """

    number: int
    kind: tuple[str, str, str]
    resource: dict[str, Any]
    frailty: float
    busy_until: datetime
    has_full: bool = False
    sick_until: datetime | None = None
    sick_code: str = ""
    streak: list[Task] = field(default_factory=list)
    struck_by: int | None = None


@dataclass
class Vault:
    """A vault and its policy.

    Attributes:
        id: Its id.
        name: Its name.
        policy_id: The policy; empty where a person acts without one.
        project: Its enterprise project.
        slots: Hours of the day (UTC) at which the policy runs.
        kind: Provider and type of its resources.
        retention: How long backups are kept.
        replicates: Whether backups are copied to another region.
        machines: The resources.
    """

    id: str
    name: str
    policy_id: str
    project: str
    slots: tuple[int, ...]
    kind: tuple[str, str, str]
    retention: timedelta
    replicates: bool
    machines: list[Machine]


def replace_policy(vault: Vault) -> Vault:
    """The vault as a person uses it: without its policy."""
    return replace(vault, policy_id="")
