"""What the ledgers of raw note: loads, sweeps, audits, landed files and removed days. Values only.

Reading and writing them is ``ledgers``.
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class LoadEntry:
    """One load of one source, as ``schemas/loads.yaml`` describes its columns."""

    load_id: str
    source: str
    started_at: datetime
    purpose: str
    since: datetime | None = None
    until: datetime | None = None
    finished_at: datetime | None = None
    requests: int | None = None
    expected_requests: int | None = None
    rate_limited: int | None = None
    received_bytes: int | None = None
    records: int | None = None
    expected_records: int | None = None
    new: int | None = None
    changed: int | None = None
    superseded: int | None = None
    repeats: int | None = None
    quarantined: int | None = None
    outcome: str = "interrupted"
    message: str | None = None

    @property
    def is_timed(self) -> bool:
        """Whether its times may be relied on: a load that received nothing had no source to set its clock by.

        Such a load may have begun in 1970, or a year ahead, on a machine without NTP.
        """
        return self.outcome != "failed" or bool(self.records)


@dataclass(frozen=True)
class SweepEntry:
    """One sweep that landed whole: what was asked, and when it was finished."""

    load_id: str
    sweep: int
    reason: str
    start: datetime | None
    end: datetime | None
    pages: int
    records: int
    finished_at: datetime


@dataclass(frozen=True)
class AuditEntry:
    """What a load found of one day of a source.

    Attributes:
        day: UTC day of created_at.
        counted: Tasks by the source's own count; None where it was not counted.
        expired: Tasks held that the source no longer serves.
        state: State of the day, as ``schemas/coverage.yaml`` describes it.
        checked_at: When the source was last asked of this day; None if never.
        reason: Why the day is not complete; None where it is, and for today.
        held: Tasks stored, and quarantined records of tasks that are not, when it was judged; None in
            ledgers written before this was noted.
        asked_at: When the day, which its counts did not prove, was last asked for in other ways, UTC.
        asks: How often it was, in a row, with these counts.
    """

    day: date
    counted: int | None
    expired: int
    state: str
    checked_at: datetime | None
    reason: str | None = None
    held: int | None = None
    asked_at: datetime | None = None
    asks: int = 0


@dataclass(frozen=True)
class LatenessFinding:
    """How late tasks of a source appeared or changed after their end, as a deep load measured it.

    Attributes:
        measured_at: When it was measured, UTC.
        tasks: Number of tasks watched by loads for long enough.
        late: Of them those that appeared late or changed after their end.
        seconds: The 99.99th percentile, 0 for tasks that did neither, as an upper bound; None if there
            are no tasks.
    """

    measured_at: datetime
    tasks: int
    late: int
    seconds: int | None


@dataclass(frozen=True)
class AuditFindings:
    """What a load found out about its source.

    Attributes:
        days: What is proved of each day it looked at.
        vanished: Open tasks that the source, asked by id, did not know any more.
        hidden_providers: Providers whose tasks are absent from lists without a filter by provider.
        judged_at: When the days were judged; None in ledgers written before this was noted.
        is_confirmed: Whether the source's responses confirmed that time by their Date.
        edited_at: When a load last saw that a task had changed after its end, UTC; None if none did.
        lateness: The latest measurement of lateness; None before the first one.
    """

    days: tuple[AuditEntry, ...]
    vanished: tuple[str, ...] = ()
    hidden_providers: tuple[str, ...] = ()
    judged_at: datetime | None = None
    is_confirmed: bool = False
    edited_at: datetime | None = None
    lateness: LatenessFinding | None = None


@dataclass(frozen=True)
class LandedFile:
    """A file of records that a load wrote.

    Attributes:
        day: UTC day that the records are filed under, or ``unknown``.
        name: Name of the file, which ends in its checksum.
        rows: Number of records in it.
    """

    day: str
    name: str
    rows: int


@dataclass(frozen=True)
class LandedFiles:
    """The files of records that one flush of a load wrote, so that a file that disappears is missed.

    Attributes:
        load_id: The load.
        flush: Number of the flush within the load, from 1.
        files: The files.
    """

    load_id: str
    flush: int
    files: tuple[LandedFile, ...]


@dataclass(frozen=True)
class RemovedDay:
    """A day that a policy removed, with what was held of it.

    Attributes:
        day: UTC day of created_at.
        held: Tasks held.
        quarantined: Records in quarantine whose task was not held.
    """

    day: date
    held: int
    quarantined: int


@dataclass(frozen=True)
class RemovedDays:
    """Days that were removed at once.

    Attributes:
        removed_at: When, UTC.
        days: The days.
    """

    removed_at: datetime
    days: tuple[RemovedDay, ...]
