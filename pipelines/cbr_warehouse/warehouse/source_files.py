"""The rows of one source in files of their own, made by workers: what is done on a worker.

Each function gets and returns values alone, and writes a new file that nobody reads until its name is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import duckdb

from cbr_warehouse.analytics.by_source import Watermark, fill_by_key, fill_own, fill_rest
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.memory import release_memory
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.engine import limit_memory, open_engine, with_enough_memory
from cbr_warehouse.tables.shares import WorkerTerms
from cbr_warehouse.warehouse.update import Publication, WarehouseUpdate
from cbr_warehouse.warehouse.working_file import attached


@dataclass(frozen=True)
class SourceFile:
    """The share that makes a file with rows of a source.

    Attributes:
        terms: What a worker has to have and to keep.
        directory: The data directory, at the same path on every worker.
        folder: Gets the file; below the data directory, and removed once all was copied.
        source: Name of the source.
        analytics: The settings of the analytics.
        made: The files of the steps before.
        part: Number of the part of its resources, from 0, and how many there are.
        watermarks: Rows of ``analytics.source_watermark``, of all sources.
        as_of: The earliest watermark of those included, UTC.
    """

    terms: WorkerTerms
    directory: DataDirectory
    folder: Path
    source: str
    analytics: AnalyticsSettings
    made: tuple[Path, ...] = ()
    part: tuple[int, int] = (0, 1)
    watermarks: tuple[Watermark, ...] = ()
    as_of: datetime | None = None


@dataclass(frozen=True)
class MadeFile:
    """A file that was made.

    Attributes:
        path: Where it is.
        backups: Backup tasks in it, where it has tables of the source.
        publication: What of the source stays as it was published.
    """

    path: Path
    backups: int = 0
    publication: Publication = field(default_factory=Publication)


def make_own(share: SourceFile) -> MadeFile:
    """Makes all tables of a source, and of its analytics what depends on it alone; on a worker.

    Raises:
        StorageError: A file cannot be read or written.
        WarehouseError: A key is not unique or a reference dangles.
    """

    def fill(
        connection: duckdb.DuckDBPyConnection, path: Path, contract: Contract, megabytes: int
    ) -> MadeFile:
        update = WarehouseUpdate(connection, share.directory, contract, share.analytics, fresh=True)
        update.fill_tables((share.source,))
        limit_memory(connection, megabytes)
        fill_own(connection, share.analytics)
        ((backups,),) = connection.execute(
            "SELECT count(*) FROM analytics.attempt WHERE operation_type = 'backup'"
        ).fetchall()
        return MadeFile(path, backups, update.publication)

    return make_file(share, fill)


def make_by_key(share: SourceFile) -> MadeFile:
    """Makes what is by resource or schedule, of a part of them; on a worker.

    Raises:
        StorageError: A file cannot be read or written.
    """

    def fill(
        connection: duckdb.DuckDBPyConnection, path: Path, _contract: Contract, _megabytes: int
    ) -> MadeFile:
        connection.execute("BEGIN")
        fill_by_key(connection, share.analytics, share.made, share.part)
        return MadeFile(path)

    return make_file(share, fill)


def make_rest(share: SourceFile) -> MadeFile:
    """Makes what depends on the watermarks of all sources; on a worker.

    Raises:
        StorageError: A file cannot be read or written.
    """

    def fill(
        connection: duckdb.DuckDBPyConnection, path: Path, _contract: Contract, _megabytes: int
    ) -> MadeFile:
        connection.execute("BEGIN")
        fill_rest(connection, share.analytics, share.made, share.watermarks, share.as_of)
        return MadeFile(path)

    return make_file(share, fill)


_MEGABYTES_BY_KEY = 200
"""What a worker may take at least: base tables are made in shares of some 100,000 backups."""

Fill = Callable[[duckdb.DuckDBPyConnection, Path, Contract, int], MadeFile]
"""Gets an engine, the file attached to it, the contract, and the megabytes that it may take."""


@without_pandas()
def make_file(share: SourceFile, fill: Fill) -> MadeFile:
    """Makes a file, again with more memory where it did not suffice; on a worker.

    Args:
        share: The share.
        fill: Fills the attached file, and leaves a transaction open.
    """
    contract = share.terms.accept()
    with as_storage_error(share.directory.root):
        return with_enough_memory(partial(_make_within, share, fill, contract))


def _make_within(share: SourceFile, fill: Fill, contract: Contract, megabytes: int) -> MadeFile:
    # Each try has a name of its own: one that was believed dead may still write.
    path = share.folder / f"{uuid4().hex}.duckdb"
    release_memory()
    with open_engine(share.directory.root, 1) as connection, attached(connection, path):
        limit_memory(connection, max(megabytes, _MEGABYTES_BY_KEY))
        made = fill(connection, path, contract, megabytes)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
        return made
