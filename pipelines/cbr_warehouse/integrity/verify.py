"""Verifies a data directory, or a share of it: raw, ledgers, tables, warehouse. Nothing is written to it.

It holds no lock, so that loads go on beside it: what is found while files are being replaced is looked at
again, and tables or a warehouse that a running load has not brought up yet, or that were loaded just now and
are published by another process, are no finding.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.integrity import published, raw_files
from cbr_warehouse.integrity.finding import BEHIND, Check, Finding, Verified
from cbr_warehouse.integrity.inventory import verify_inventory_rows
from cbr_warehouse.integrity.rebuilt_days import TableVerification
from cbr_warehouse.integrity.subset import Subset
from cbr_warehouse.raw.damage import KINDS
from cbr_warehouse.raw.found_projects import accounts_with_list
from cbr_warehouse.raw.inventory import LEDGER as INVENTORY
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import describe_holder
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.engine import open_engine
from cbr_warehouse.warehouse.open_published import open_published

SAMPLE = 30
"""A run over everything makes a thirtieth of the days again, every day of the calendar another one."""

PUBLISHED_WITHIN = timedelta(hours=1)
"""Dagster publishes in a run of its own after a load, and again after ten minutes if that failed."""

_ATTEMPTS = 5
"""How often something is looked at again that was replaced meanwhile."""


@without_pandas()
def verify(
    directory: DataDirectory,
    contract: Contract,
    settings: AnalyticsSettings,
    now: datetime,
    subset: Subset | None = None,
) -> Verified:
    """Verifies everything and makes a sample of days again, or makes all days of a share again.

    Args:
        directory: The data directory.
        contract: The contract.
        settings: The settings of the analytics.
        now: The present, UTC; it chooses the sample.
        subset: The share; None for everything.
    """
    with TemporaryDirectory(prefix="cbr-warehouse-verify-") as folder:
        verification = _Verification(directory, contract, settings, Path(folder), subset, now)
        return verification.run()


class _Verification:
    """One run."""

    def __init__(
        self,
        directory: DataDirectory,
        contract: Contract,
        settings: AnalyticsSettings,
        folder: Path,
        subset: Subset | None,
        now: datetime,
    ) -> None:
        self._directory = directory
        self._contract = contract
        self._settings = settings
        self._folder = folder
        self._share = subset or Subset()
        self._now = now
        self._sample = subset or Subset(now.toordinal() % SAMPLE + 1, SAMPLE)
        self._found = Verified()

    def run(self) -> Verified:
        """Verifies source by source, then what concerns the whole warehouse."""
        for source in self._directory.sources_with_raw():
            for kind in raw_files.LEDGERS:
                if self._share.has(f"{source}/{kind}"):
                    self._settle(partial(raw_files.verify_ledger, self._directory, source, kind), source)
            if self._share.has(f"{source}/inventory files"):
                files = partial(raw_files.verify_inventory_files, self._directory, source)
                self._settle(files, source)
            days = [day for day in self._directory.days(source) if self._share.has_day(source, day)]
            if days:
                self._settle(partial(self._verify_days, source, days), source)
        for account in accounts_with_list(self._directory):
            if self._share.has(f"accounts/{account}"):
                self._settle(partial(raw_files.verify_found_projects, self._directory, account), None)
        self._verify_warehouse()
        return self._found

    def _settle(self, check: Callable[[], Verified], source: str | None) -> None:
        """Looks again as long as something is found while files are replaced."""
        for attempt in range(_ATTEMPTS):
            before = self._state(source)
            try:
                found = check()
            except (StorageError, duckdb.Error, OSError):
                # A file is gone that was listed before: of a disk, or replaced by a load or by 'maintain'.
                if attempt == _ATTEMPTS - 1 or self._state(source) == before:
                    raise
                continue
            if not found.findings or self._state(source) == before:
                break
        self._leave(found, BEHIND, self._who_loads(source))
        self._leave(found, {Check.WAREHOUSE_BEHIND}, self._who_publishes(source, found))
        self._found.add(found)

    def _leave(self, found: Verified, checks: Collection[Check], whom: str | None) -> None:
        """Makes a note of findings of some kinds, if somebody is about to bring them up."""
        behind = [finding for finding in found.findings if finding.check in checks]
        if whom is None or not behind:
            return
        found.findings = [finding for finding in found.findings if finding.check not in checks]
        found.notes.append(f"{len(behind)} days were left to {whom}.")

    def _verify_days(self, source: str, days: Sequence[str]) -> Verified:
        """Raw, tables and rows of the warehouse, of some days of a source."""
        found = raw_files.verify_raw_files(self._directory, source, days)
        wrong = {finding.day for finding in found.findings}
        sound = [day for day in days if day not in wrong]
        rebuilt = [day for day in sound if self._sample.has_day(source, day)]
        with open_engine(self._folder) as engine:
            tables = TableVerification(engine, self._directory, source, self._contract)
            digests = tables.run(sound, rebuilt)
        found.add(tables.found)
        wrong |= {finding.day for finding in tables.found.findings}
        compared = [day for day in sound if day not in wrong]
        if compared and exists(self._directory.warehouse):
            found.add(
                self._ask(
                    lambda connection: published.verify_rows(
                        connection, self._directory, source, self._contract, compared, digests
                    )
                )
            )
        return found

    def _verify_warehouse(self) -> None:
        directory, has = self._directory, self._share.has
        if has("warehouse/file"):
            self._settle(lambda: published.verify_file(directory), None)
        if not exists(directory.warehouse):
            return
        for source in directory.sources_with_raw():
            if has(f"warehouse/ledgers/{source}"):
                check = partial(published.verify_ledger_rows, directory=directory, source=source)
                self._settle(partial(self._ask, check), source)
            has_inventory = exists(directory.raw_ledger(INVENTORY, source))
            if has_inventory and has(f"warehouse/inventory/{source}"):
                self._settle(partial(self._ask, partial(self._verify_inventory, source)), source)
        if has("warehouse/keys"):
            keys = partial(published.verify_keys, directory=directory, contract=self._contract)
            self._settle(partial(self._ask, keys), None)
        if has("warehouse/analytics"):
            analytics = partial(
                published.verify_analytics, directory=directory, settings=self._settings, folder=self._folder
            )
            self._settle(partial(self._ask, analytics), None)

    def _verify_inventory(self, source: str, connection: duckdb.DuckDBPyConnection) -> Verified:
        return verify_inventory_rows(connection, self._directory, source, self._contract, self._folder)

    def _ask(self, check: Callable[[duckdb.DuckDBPyConnection], Verified]) -> Verified:
        """Runs a check on the published warehouse; one that cannot be read is a finding."""
        try:
            with open_published(self._directory.warehouse) as connection:
                return check(connection)
        except (WarehouseError, duckdb.Error) as error:
            what = str(error).splitlines()[0]
            if isinstance(error, duckdb.Error):
                what = f"{self._directory.warehouse}: cannot be compared ({what}). {published.AGAIN}"
            return Verified(findings=[Finding(Check.WAREHOUSE_CHECKSUM, None, None, what)])

    def _who_loads(self, source: str | None) -> str | None:
        """Who writes to a source, or to any of them, or publishes; None if nobody does."""
        sources = self._directory.sources_with_lock() if source is None else (source,)
        locks = [*(self._directory.source_lock(one) for one in sources), self._directory.lock]
        return next((holder for lock in locks if (holder := describe_holder(lock)) is not None), None)

    def _who_publishes(self, source: str | None, found: Verified) -> str | None:
        """The publication of a load that ended just now, if the warehouse is found to lack something."""
        if source is None or all(one.check is not Check.WAREHOUSE_BEHIND for one in found.findings):
            return None
        try:
            with open_published(self._directory.warehouse) as connection:
                load = published.unpublished_load(connection, self._directory, source)
        except (StorageError, WarehouseError, duckdb.Error):
            return None  # the checks of ledgers and warehouse report it
        if load is None or abs(self._now - (load.finished_at or load.started_at)) > PUBLISHED_WITHIN:
            return None
        return f"the publication of the load of {source}"

    def _state(self, source: str | None) -> object:
        """Changes with everything that a load replaces."""
        directory = self._directory
        sources = directory.sources_with_raw() if source is None else (source,)
        files = [one for name in sources for one in sorted(_changing(directory, name))]
        return files, _identity(directory.warehouse)


def _changing(directory: DataDirectory, source: str) -> Iterator[tuple[str, object]]:
    """The files of a source in raw, and the notes of its partitions, each with its identity."""
    folders = [directory.raw_ledger(kind, source) for kind in (*raw_files.LEDGERS, *KINDS)]
    for folder in (*folders, directory.moved(source).parent):
        for path in folder.rglob("[!.]*"):
            yield str(path), _identity(path)


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
