"""What verification finds, and how much it has looked at. Values only."""

from dataclasses import dataclass, field, fields
from enum import StrEnum


class Check(StrEnum):
    """What a finding is of."""

    RAW_CHECKSUM = "raw_checksum"
    LEDGER_CHECKSUM = "ledger_checksum"
    MISSING_RECORDS = "missing_records"
    CONSERVATION = "conservation"
    TABLE_CHECKSUM = "table_checksum"
    TABLE_BEHIND = "table_behind"
    TABLE_CONTENT = "table_content"
    WAREHOUSE_CHECKSUM = "warehouse_checksum"
    WAREHOUSE_BEHIND = "warehouse_behind"
    WAREHOUSE_CONTENT = "warehouse_content"
    KEYS = "keys"
    ANALYTICS = "analytics"
    LAKE = "lake"


BEHIND = frozenset({Check.TABLE_BEHIND, Check.WAREHOUSE_BEHIND})
"""What is so while a load runs, and no finding then."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        check: What was compared.
        source: Name of the source; None where it concerns all.
        day: The UTC day, or ``unknown``; None where it concerns none.
        what: A sentence that names the file or table, and what to do.
    """

    check: Check
    source: str | None
    day: str | None
    what: str


@dataclass
class Amount:
    """How much was verified.

    Attributes:
        raw_files: Files of records and manifests, compared with their checksums.
        ledger_files: Ledgers, single and folded, compared with theirs.
        records: Records followed from raw to a row of the tables.
        days: Days of which tables and warehouse were compared with their notes.
        days_rebuilt: Days made again from raw, and compared row by row.
        warehouse_tables: Tables and views of the warehouse that were compared as a whole.
    """

    raw_files: int = 0
    ledger_files: int = 0
    records: int = 0
    days: int = 0
    days_rebuilt: int = 0
    warehouse_tables: int = 0

    def __iadd__(self, other: "Amount") -> "Amount":
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


@dataclass
class Verified:
    """The result of a verification.

    Attributes:
        amount: How much was verified.
        findings: What is not as it should be.
        notes: What could not be compared and is no finding, such as days of a load that is running.
    """

    amount: Amount = field(default_factory=Amount)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Verified") -> None:
        """Adds another result to this one."""
        self.amount += other.amount
        self.findings += other.findings
        self.notes += [note for note in other.notes if note not in self.notes]
