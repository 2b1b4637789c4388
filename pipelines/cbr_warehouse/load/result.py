"""What a load tells whoever started it. Values only."""

from dataclasses import dataclass, field
from datetime import date

from cbr_warehouse.errors import SourceError
from cbr_warehouse.load.repair import Damage
from cbr_warehouse.raw.ledgers import AuditEntry, LoadEntry


@dataclass(frozen=True)
class SourceResult:
    """What came of loading one source.

    Attributes:
        entry: The load, as the table ``loads`` has it.
        incomplete: Days of which the source has more than is held.
        newly_lost: Days that left retention unproven and were not written down as lost before.
        unverified: Days whose counts prove nothing.
        quarantined: Records in quarantine whose task is held in no version.
        read: Days read from beginning to end, or to the present; none if the source failed.
        findings: What was found of each day looked at.
        damage: What was found damaged in raw.
        kept: Days whose tables stay as they were, because raw lacks what they were made from.
        failure: What the source failed with.
    """

    entry: LoadEntry
    incomplete: tuple[date, ...] = ()
    newly_lost: tuple[date, ...] = ()
    unverified: tuple[date, ...] = ()
    quarantined: int = 0
    read: tuple[date, ...] = ()
    findings: tuple[AuditEntry, ...] = ()
    damage: Damage = field(default_factory=Damage)
    kept: tuple[str, ...] = ()
    failure: SourceError | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is known to be missing."""
        missing = self.incomplete or self.newly_lost or self.damage.beyond_reach or self.kept
        return self.entry.outcome == "done" and not missing

    @property
    def has_warnings(self) -> bool:
        """Whether something is held back or unproven."""
        return bool(self.unverified or self.quarantined)


@dataclass(frozen=True)
class LoadResult:
    """What came of a load of one or more sources."""

    sources: tuple[SourceResult, ...]

    def exit_status(self, *, strict: bool) -> int:
        """0 when all is well; 1 when something is missing or failed, or, if strict, held back or unproven."""
        good = all(source.is_good and not (strict and source.has_warnings) for source in self.sources)
        return 0 if good else 1
