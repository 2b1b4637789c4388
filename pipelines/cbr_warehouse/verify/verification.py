"""What a load found about its days. Values only; the verification itself is in ``verify_days``."""

from dataclasses import dataclass
from datetime import date

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.raw.ledgers import AuditEntry


@dataclass(frozen=True)
class Verification:
    """What a load found about its days.

    Attributes:
        entries: One entry for each day, for the ledger.
        newly_lost: Days that left retention since the last load without having been complete.
        quarantined: Quarantined records whose task is stored in no version.
        known_beyond: Days that an earlier load reported as beyond retention already.
        complete_before: The newest day that was complete before this load; None if none was.
    """

    entries: tuple[AuditEntry, ...] = ()
    newly_lost: tuple[date, ...] = ()
    quarantined: int = 0
    known_beyond: frozenset[date] = frozenset()
    complete_before: date | None = None

    @property
    def incomplete(self) -> tuple[date, ...]:
        """Days of which the source has more."""
        return self._in(DayState.INCOMPLETE)

    @property
    def unverified(self) -> tuple[date, ...]:
        """Days whose counts prove nothing."""
        return self._in(DayState.UNVERIFIED)

    @property
    def beyond_retention(self) -> tuple[date, ...]:
        """Of the unverified days, those older than what the source is shown to serve whole.

        The edge of retention is seen only where some later day is complete: of a source that answers
        with nothing at all, no day can be excused that way.
        """
        complete = (*self._in(DayState.COMPLETE), *filter(None, [self.complete_before]))
        newest = max(complete, default=None)
        return tuple(
            entry.day
            for entry in self.entries
            if entry.reason == DayReason.EDGE_OF_RETENTION
            and entry.state == DayState.UNVERIFIED
            and newest is not None
            and entry.day < newest
        )

    @property
    def newly_beyond(self) -> tuple[date, ...]:
        """Days beyond retention that no earlier load reported: said once, since there is nothing to do."""
        return tuple(day for day in self.beyond_retention if day not in self.known_beyond)

    def _in(self, state: DayState) -> tuple[date, ...]:
        return tuple(entry.day for entry in self.entries if entry.state == state)
