"""Writes a whole warehouse from files of single sources that the workers of a runner make.

Workers do all that is by source, a source with many backups in parts by hash of its resources; here the
files are copied into one, and what depends on the watermarks of all sources is found from those of each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import duckdb

from cbr_warehouse.analytics.by_source import copy_made, create_whole, finish_whole, join_watermarks
from cbr_warehouse.compute.runner import ShareRunner
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, make_folder, remove_file, remove_folder
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.memory import release_memory
from cbr_warehouse.tables.engine import limit_memory, open_engine, with_enough_memory
from cbr_warehouse.tables.shares import WorkerTerms
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.query import count_rows
from cbr_warehouse.warehouse.source_files import MadeFile, SourceFile, make_by_key, make_own, make_rest
from cbr_warehouse.warehouse.update import Publication
from cbr_warehouse.warehouse.working_file import attached

PART_BACKUPS = 500_000
"""Backups of a source that one worker makes what is by resource from; those of more are divided."""

THREADS = 1
"""Of the one process that writes, for each table: two for one table took twice the wall time, and three times
the CPU, where memory is short."""


def write_from_shares(
    next_file: Path,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    runner: ShareRunner,
) -> tuple[Publication, dict[str, int]]:
    """Writes a warehouse from the tables and ledgers of all sources.

    Args:
        next_file: Where it is written.
        directory: The data directory.
        contract: The contract.
        analytics: The settings of the analytics.
        runner: Makes the files of the sources.

    Returns:
        What stays as it was published, and the rows of the written file by table.

    Raises:
        WarehouseError: A key is not unique or a reference dangles.
        StorageError: A file could not be read or written.
        ComputeError: The workers failed.
    """
    with folder_of_shares(directory, "warehouse.duckdb-shares") as folder:
        terms, sources = WorkerTerms.of_caller(contract), directory.sources_with_raw()
        shares = [SourceFile(terms, directory, folder, source, analytics) for source in sources]
        whole = _Whole(directory, contract, analytics, runner, shares)
        with as_storage_error(directory.root):
            return with_enough_memory(partial(whole.write, next_file))


class _Whole:
    """The warehouse of all sources; what workers made is kept where it has to be written once more."""

    def __init__(
        self,
        directory: DataDirectory,
        contract: Contract,
        analytics: AnalyticsSettings,
        runner: ShareRunner,
        shares: list[SourceFile],
    ) -> None:
        self._directory = directory
        self._contract = contract
        self._analytics = analytics
        self._runner = runner
        self._shares = shares
        self._made: dict[str, list[MadeFile]] = {}

    def write(self, next_file: Path, megabytes: int) -> tuple[Publication, dict[str, int]]:
        remove_file(next_file)
        release_memory()
        with (
            open_engine(self._directory.root, THREADS, spill_name="warehouse.duckdb-spill") as connection,
            attached(connection, next_file),
        ):
            limit_memory(connection, megabytes)
            own = self._run(make_own, self._shares)
            self._create(connection)
            copy_made(connection, [made.path for made in own])
            copy_made(connection, [made.path for made in self._run_rest(connection, own)])
            finish_whole(connection)
            connection.execute("COMMIT")
            connection.execute("CHECKPOINT")
            rows = count_rows(connection, [table.name for table in self._contract.tables])
        return _joined([made.publication for made in own]), rows

    def _create(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("BEGIN")
        for statement in create_statements(self._contract):
            connection.execute(statement)
        connection.execute("INSERT INTO meta.contract VALUES ($1)", [self._contract.warehouse_fingerprint])
        create_whole(connection, self._analytics)

    def _run_rest(self, connection: duckdb.DuckDBPyConnection, own: list[MadeFile]) -> list[MadeFile]:
        """Has made what is by resource or schedule, and then what needs the watermarks of all sources."""
        watermarks, as_of = join_watermarks(connection)
        parts = [
            replace(share, made=(made.path,), part=(number, count))
            for share, made in zip(self._shares, own, strict=True)
            for count in [max(1, -(-made.backups // PART_BACKUPS))]
            for number in range(count)
        ]
        by_key = self._run(make_by_key, parts)
        files: dict[str, tuple[Path, ...]] = {}
        for part, made in zip(parts, by_key, strict=True):
            files[part.source] = (*files.get(part.source, part.made), made.path)
        rest = [
            replace(share, made=files[share.source], watermarks=tuple(watermarks), as_of=as_of)
            for share in self._shares
        ]
        return [*by_key, *self._run(make_rest, rest)]

    def _run(self, work: Callable[[SourceFile], MadeFile], shares: list[SourceFile]) -> list[MadeFile]:
        if work.__name__ not in self._made:
            self._made[work.__name__] = list(self._runner.run(work, shares))
        return self._made[work.__name__]


@contextmanager
def folder_of_shares(directory: DataDirectory, name: str) -> Iterator[Path]:
    """A folder that every worker sees; a later load removes it if this process is killed.

    Args:
        directory: The data directory.
        name: End of its name: ``warehouse.duckdb`` alone is removed by whoever holds the directory next.
    """
    folder = directory.root / f"{TEMPORARY_PREFIX}{uuid4().hex}-{name}"
    with as_storage_error(folder):
        make_folder(folder)
    try:
        yield folder
    finally:
        with suppress(StorageError):  # a worker that was believed dead may still write
            remove_folder(folder)


def _joined(publications: list[Publication]) -> Publication:
    held_back = {source: why for one in publications for source, why in one.held_back.items()}
    broken = {source: days for one in publications for source, days in one.broken.items()}
    return Publication(held_back, broken)
