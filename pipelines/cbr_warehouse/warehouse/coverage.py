"""Coverage: state and reason of every day of a source, from the verdicts of all loads. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.raw.ledgers import AuditEntry


@dataclass(frozen=True)
class CoverageRow:
    """One row of the table ``coverage``; its columns are described in ``schemas/coverage.yaml``."""

    source: str
    day: date
    counted: int | None
    held: int
    quarantined: int
    expired: int
    state: str
    reason: str | None
    checked_at: datetime | None
    removed_at: datetime | None = None


def coverage_rows(
    source: str,
    audits: Mapping[date, AuditEntry],
    held: Mapping[date, int],
    quarantined: Mapping[date, int],
    requested_from: date,
    today: date,
) -> Iterator[CoverageRow]:
    """Every day of a source from the first one ever asked for until today.

    Args:
        source: Name of the source.
        audits: The latest verdict of each day that a load looked at.
        held: Tasks stored, by day of created_at.
        quarantined: Unresolved quarantined records, by day of created_at.
        requested_from: First UTC day that any load requested, including failed loads.
        today: UTC day of the last load.

    Yields:
        One row for each day. A day that no load looked at is unverified, or open, and was never checked.
        One that was open when a load last looked at it is unverified once it is over.
    """
    day = min([requested_from, *audits])
    while day <= max([today, *audits]):
        found = audits.get(day) or AuditEntry(day, None, 0, DayState.OPEN.value, None)
        if found.state == DayState.OPEN and day < today:
            found = replace(found, state=DayState.UNVERIFIED.value, reason=DayReason.NOT_LOOKED_AT.value)
        yield CoverageRow(
            source=source,
            day=day,
            counted=found.counted,
            held=held.get(day, 0),
            quarantined=quarantined.get(day, 0),
            expired=found.expired,
            state=found.state,
            reason=found.reason,
            checked_at=found.checked_at,
        )
        day += timedelta(days=1)
