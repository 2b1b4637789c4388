"""The layout of the data directory, as ``data/README.md`` describes it. Its only I/O is listing."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

UNKNOWN_DAY = "unknown"
"""Partition of records without a usable created_at, in place of a day."""

SOURCE_PREFIX = "source="
DAY_PREFIX = "day="
"""Prefixes of the folder names for the source and day of a file."""

PARTITION_FILE = "data.parquet"
"""The one file of a table's partition."""


@dataclass(frozen=True)
class DataDirectory:
    """Paths below one data directory.

    Attributes:
        root: The data directory.
        origin: Address of the object store that it is a working copy of; None where it is no copy.
    """

    root: Path
    origin: str | None = None

    @property
    def raw(self) -> Path:
        """Everything as received, append-only."""
        return self.root / "raw"

    @property
    def tables(self) -> Path:
        """The normalized Parquet tables."""
        return self.root / "tables"

    @property
    def warehouse(self) -> Path:
        """The published warehouse."""
        return self.root / "warehouse.duckdb"

    @property
    def warehouse_note(self) -> Path:
        """Checksums that the published warehouse may have."""
        return self.root / ".warehouse.json"

    @property
    def reports(self) -> Path:
        """The reports made."""
        return self.root / "reports"

    @property
    def check_alerts(self) -> Path:
        """Which failing controls were reported to people."""
        return self.root / ".check-alerts.json"

    @property
    def lock(self) -> Path:
        """Held while tables or the warehouse are written."""
        return self.root / ".load.lock"

    @property
    def rebuild_note(self) -> Path:
        """Exists while a rebuild has forgotten tables and not made all of them again."""
        return self.root / ".rebuild.json"

    def source_lock(self, source: str) -> Path:
        """Held while a source is loaded."""
        return self.root / ".locks" / f"{source}.lock"

    @property
    def rates(self) -> Path:
        """When the next request to a project may be sent, for all processes that share a rate limit."""
        return self.root / ".rates"

    @property
    def copy_folder(self) -> Path:
        """Files of a copy from or to an object store that is under way."""
        return self.root / ".copy"

    @property
    def copy_note(self) -> Path:
        """Exists while the files of a copy are put in place: some are, some are not."""
        return self.copy_folder / "note.json"

    @property
    def copy_lock(self) -> Path:
        """Held while the data directory is copied to or from an object store."""
        return self.root / ".copy.lock"

    def sources_with_lock(self) -> tuple[str, ...]:
        """Names of all sources that a load ever locked, by name; one may be on its first load."""
        return tuple(sorted(path.stem for path in (self.root / ".locks").glob("*.lock")))

    def source_folders(self, source: str) -> list[Path]:
        """Every folder that holds files of this source alone."""
        parents = (self.raw, self.tables)
        own = [folder for parent in parents for folder in sorted(parent.glob(f"*/{SOURCE_PREFIX}{source}"))]
        return [*own, self._internal(source)]

    def raw_day(self, kind: str, source: str, day: str) -> Path:
        """Folder of raw files of a kind (``records``, ``manifests``) of one source and day."""
        return _below(self.root, "raw", kind, f"{SOURCE_PREFIX}{source}", f"{DAY_PREFIX}{day}")

    def raw_ledger(self, kind: str, source: str) -> Path:
        """Folder of a source's small ledgers (``sweeps``, ``audits``, ``loads``, ``landed``)."""
        return self.raw / kind / f"{SOURCE_PREFIX}{source}"

    def found_projects(self, account: str) -> Path:
        """The projects that an account was ever found to have, and the names of their sources."""
        return self.raw / "accounts" / f"{account}.json"

    @property
    def accounts_lock(self) -> Path:
        """Held while a list of found projects is brought up to date."""
        return self.root / ".accounts.lock"

    def ledger_state(self, source: str) -> Path:
        """What the folded ledgers of a source amount to; made again from them where it is missing."""
        return self._internal(source) / "state.json"

    def compaction_note(self, source: str) -> Path:
        """Exists while files of a source are replaced by a compacted one."""
        return self._internal(source) / "compaction.json"

    def _internal(self, source: str) -> Path:
        return self.root / ".ledgers" / f"{SOURCE_PREFIX}{source}"

    def table_folders(self) -> list[Path]:
        """The folder of each table that has partitions."""
        return [folder for folder in sorted(self.tables.glob("[!.]*")) if folder.is_dir()]

    def partition(self, table: str, source: str, day: str) -> Path:
        """The file of a table's partition."""
        own, of_day = f"{SOURCE_PREFIX}{source}", f"{DAY_PREFIX}{day}"
        return _below(self.root, "tables", table, own, of_day, PARTITION_FILE)

    def partitions(self, table: str, source: str, since: date | None = None) -> list[Path]:
        """The files of the partitions of a table of one source, in order of day.

        Args:
            table: Name of the table.
            source: Name of the source.
            since: The first UTC day, without those of no known day; all by default.
        """
        days: Iterable[str] = _values(self.tables / table / f"{SOURCE_PREFIX}{source}", DAY_PREFIX)
        if since is not None:
            days = (day for day in days if since.isoformat() <= day < UNKNOWN_DAY)
        return [path for day in days if (path := self.partition(table, source, day)).exists()]

    @property
    def partition_states(self) -> Path:
        """Notes of what all partitions were made from."""
        return _below(self.root, "tables", ".state")

    def partition_state(self, source: str, day: str) -> Path:
        """What the partitions of a source and day were made from."""
        return _below(self.root, "tables", ".state", f"{SOURCE_PREFIX}{source}", f"{DAY_PREFIX}{day}.json")

    def moved(self, source: str) -> Path:
        """The tasks of a source whose created_at changed from one day to another."""
        return self.partition_states / f"{SOURCE_PREFIX}{source}" / "moved.json"

    def sources_with_raw(self) -> tuple[str, ...]:
        """Names of all sources with a load; one killed as it began has left a folder without any."""
        names = _values(self.raw / "loads", SOURCE_PREFIX)
        return tuple(name for name in names if any(self.raw_ledger("loads", name).glob("[!.]*.json")))

    def raw_days(self, source: str) -> tuple[str, ...]:
        """Days of a source that have raw files, in order, ``unknown`` last."""
        kinds = (self.raw_ledger(kind, source) for kind in ("records", "manifests"))
        return tuple(sorted({day for folder in kinds for day in _values(folder, DAY_PREFIX)}))

    def days(self, source: str) -> tuple[str, ...]:
        """Days of a source that have raw files, or had some when their partitions were made."""
        noted = self.partition_states / f"{SOURCE_PREFIX}{source}"
        made = {name.removesuffix(".json") for name in _values(noted, DAY_PREFIX)}
        return tuple(sorted(made.union(self.raw_days(source))))


def partition_day(partition: Path) -> str:
    """The day of a partition's file, ``YYYY-MM-DD`` or ``unknown``."""
    return partition.parent.name.removeprefix(DAY_PREFIX)


def _values(folder: Path, prefix: str) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        return tuple(
            sorted(entry.name.removeprefix(prefix) for entry in entries if entry.name.startswith(prefix))
        )


@lru_cache(maxsize=32_768)
def _below(root: Path, *steps: str) -> Path:
    """A path that loads ask for again and again: with three years of days, it took a third of their time."""
    return root.joinpath(*steps)
