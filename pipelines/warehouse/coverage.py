"""Coverage: what is proved of every day, from the audits of all loads. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipelines.raw.ledgers import AuditEntry


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
    checked_at: datetime | None


def coverage_rows(
    source: str,
    audits: Mapping[date, AuditEntry],
    held: Mapping[date, int],
    quarantined: Mapping[date, int],
    today: date,
) -> Iterator[CoverageRow]:
    """Every day of a source from the first one ever asked for until today.

    Args:
        source: Name of the source.
        audits: The latest finding of each day that a load looked at.
        held: Tasks held, by day of created_at.
        quarantined: Unresolved quarantined records, by day of created_at.
        today: UTC day of the last load.

    Yields:
        One row a day; a day that no load looked at is unverified and was never checked.
    """
    if not audits:
        return
    day = min(audits)
    while day <= max(today, *audits):
        found = audits.get(day) or AuditEntry(day, None, 0, "unverified", None)
        yield CoverageRow(
            source=source,
            day=day,
            counted=found.counted,
            held=held.get(day, 0),
            quarantined=quarantined.get(day, 0),
            expired=found.expired,
            state=found.state,
            checked_at=found.checked_at,
        )
        day += timedelta(days=1)
