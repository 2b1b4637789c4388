"""Writes the rows of every view into a DuckDB file: computed source by source, by the workers of a runner."""

from functools import partial
from pathlib import Path

import duckdb

from cbr_warehouse.analytics.view_rows import compute_views, join_views
from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.atomic_write import remove_file, write_whole
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.linked_files import link_file
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.engine import limit_memory, open_engine, with_enough_memory
from cbr_warehouse.tables.shares import WorkerTerms
from cbr_warehouse.warehouse.from_shares import folder_of_shares
from cbr_warehouse.warehouse.open_published import open_published, require_published
from cbr_warehouse.warehouse.partitions import partition_bytes
from cbr_warehouse.warehouse.source_files import MadeFile, SourceFile, make_file
from cbr_warehouse.warehouse.working_file import attached


@without_pandas()
def write_views(
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    target: Path,
    runner: ShareRunner = IN_PROCESS,
) -> int:
    """Writes the rows of every view of the published warehouse into a file.

    Args:
        directory: The data directory.
        contract: The contract.
        analytics: The settings of the analytics.
        target: The file; one that exists is replaced, at once.
        runner: Computes the rows of each source where there is enough to compute.

    Returns:
        The number of sources.

    Raises:
        WarehouseError: Nothing was published yet.
        StorageError: A file could not be read or written.
        ComputeError: The workers failed.
    """
    require_published(directory.warehouse)
    used = runner if runner.distributes(partial(partition_bytes, directory)) else IN_PROCESS
    with folder_of_shares(directory, "views") as folder:
        published = folder / "published.duckdb"
        with as_storage_error(published):
            link_file(directory.warehouse, published)
        with open_published(published) as connection:
            sources = [name for (name,) in connection.execute(_SOURCES).fetchall()]
        terms = WorkerTerms.of_caller(contract)
        shares = [SourceFile(terms, directory, folder, name, analytics, (published,)) for name in sources]
        files = [made.path for made in used.run(make_views, shares)]
        write_whole(target, lambda place: with_enough_memory(partial(_join, directory, place, files)))
    return len(sources)


_SOURCES = "SELECT DISTINCT source FROM analytics.source_clock ORDER BY source"


def make_views(share: SourceFile) -> MadeFile:
    """Computes the rows of a source in every view; on a worker.

    Raises:
        StorageError: A file cannot be read or written.
    """

    def fill(
        connection: duckdb.DuckDBPyConnection, path: Path, _contract: Contract, _megabytes: int
    ) -> MadeFile:
        compute_views(connection, share.made[0], share.source)
        connection.execute("BEGIN")
        return MadeFile(path)

    return make_file(share, fill)


def _join(directory: DataDirectory, place: Path, files: list[Path], megabytes: int) -> None:
    remove_file(place)
    with open_engine(directory.root, 1) as connection, attached(connection, place):
        limit_memory(connection, megabytes)
        join_views(connection, files)
        connection.execute("CHECKPOINT")
