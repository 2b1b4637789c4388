"""What changes in a vault or a machine and lasts: misconfigurations, edits of a policy, slowdowns."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Misconfiguration:
    """A lasting misconfiguration of a resource.

    Attributes:
        begins_at: When it begins.
        ends_at: When it is corrected.
        code: The error that it causes.
        share: Share of backups that fail because of it.
        attempts: Backups attempted during it: created, ended, id, and whether it made them fail.
    """

    begins_at: datetime
    ends_at: datetime
    code: str
    share: float = 0.96
    attempts: list[tuple[datetime, datetime, str, bool]] = field(default_factory=list)


@dataclass(frozen=True)
class PolicyEdit:
    """An edit of a policy.

    Attributes:
        at: When it is edited.
        hours: Its hours from then on, in the vault's zone.
        weekdays: Its weekdays from then on, Monday is 0.
    """

    at: datetime
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]


@dataclass
class Slowdown:
    """A time in which all incremental backups of a resource take much longer than before.

    Attributes:
        begins_at: When it begins.
        ends_at: When it ends.
        factor: How many times longer they take.
        slowed: Created and ended times and ids of the backups that took longer.
        usual_seconds: How long they took before.
    """

    begins_at: datetime
    ends_at: datetime
    factor: float
    slowed: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    usual_seconds: float = 0
