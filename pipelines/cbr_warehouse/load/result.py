"""The results of a load, for its caller. Values only."""

from dataclasses import dataclass, field
from datetime import date

from cbr_warehouse.contract.day_reason import explain
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.errors import CbrWarehouseError, LoadRunningError, SourceError
from cbr_warehouse.load.repair import Damage
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.ledgers import AuditEntry, LoadEntry


@dataclass(frozen=True)
class SourceResult:
    """The result of loading one source.

    Attributes:
        entry: The load, as the table ``loads`` has it.
        incomplete: Days of which the source has more records than are stored.
        newly_lost: Days that left retention unverified and were not recorded as lost before.
        unverified: Days that the source's counts could not verify.
        beyond_retention: Of these, days older than what the source is shown to serve whole.
        newly_beyond: Of these in turn, days that no earlier load reported.
        quarantined: Quarantined records whose task is stored in no version.
        read: Days read from beginning to end, or to the present; none if the source failed.
        findings: What was found of each day looked at.
        damage: Damaged and missing raw files.
        inventory: The inventory that the load received; None where none was due.
        kept: Days whose tables stay as they were, because raw lacks what they were made from.
        held_back: Why its rows in the warehouse stay as they were; None where they are published.
        failure: What ended the load early.
    """

    entry: LoadEntry
    incomplete: tuple[date, ...] = ()
    newly_lost: tuple[date, ...] = ()
    unverified: tuple[date, ...] = ()
    beyond_retention: tuple[date, ...] = ()
    newly_beyond: tuple[date, ...] = ()
    quarantined: int = 0
    read: tuple[date, ...] = ()
    findings: tuple[AuditEntry, ...] = ()
    damage: Damage = field(default_factory=Damage)
    kept: tuple[str, ...] = ()
    held_back: str | None = None
    inventory: Snapshot | None = None
    failure: Exception | None = None

    @property
    def is_good(self) -> bool:
        """Whether the load succeeded and nothing is known to be missing."""
        missing = self.incomplete or self.newly_lost or self.damage.beyond_reach or self.kept
        return self.entry.outcome == "done" and not missing and self.held_back is None

    @property
    def has_warnings(self) -> bool:
        """Whether records are quarantined or days unverified; days beyond retention do not count."""
        return bool(set(self.unverified).difference(self.beyond_retention) or self.quarantined)

    def days_by_reason(self) -> dict[tuple[str, str | None], list[date]]:
        """The days that need attention, by state and reason; those beyond retention do not."""
        grouped: dict[tuple[str, str | None], list[date]] = {}
        newly_lost, calm = set(self.newly_lost), set(self.beyond_retention)
        for entry in self.findings:
            if entry.state == DayState.LOST and entry.day not in newly_lost:
                continue
            if entry.day not in calm and explain(entry.state, entry.reason) is not None:
                # All lost days are lost alike, whatever they lacked before.
                reason = None if entry.state == DayState.LOST else entry.reason
                grouped.setdefault((entry.state, reason), []).append(entry.day)
        return grouped

    @property
    def is_publishable(self) -> bool:
        """Whether the tables have all that was received: they have it too where only the API failed."""
        return self.failure is None or isinstance(self.failure, SourceError)


@dataclass(frozen=True)
class LoadResult:
    """The result of a load of one or more sources.

    Attributes:
        sources: The sources that were loaded.
        left_out: Why others were not: another process is loading them.
    """

    sources: tuple[SourceResult, ...]
    left_out: tuple[LoadRunningError, ...] = ()

    def exit_status(self, *, strict: bool) -> int:
        """The exit status of the command.

        Args:
            strict: Whether quarantined records and unverified days count as failures.

        Returns:
            0 if all is well, 1 if something is missing or failed, 2 if it did for its configuration.
        """
        good = all(source.is_good and not (strict and source.has_warnings) for source in self.sources)
        failures = [source.failure for source in self.sources]
        by_failure = [error.exit_status for error in failures if isinstance(error, CbrWarehouseError)]
        return max([0 if good and not self.left_out else 1, *by_failure])
