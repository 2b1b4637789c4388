"""Builds the next warehouse from the published one and what changed since, and publishes it."""

import logging
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import duckdb

from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, publish
from cbr_warehouse.storage.disk_errors import as_storage_error, is_refused_by_disk
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.memory import release_memory
from cbr_warehouse.tables.engine import is_short_of_memory, limit_memory, open_engine, with_enough_memory
from cbr_warehouse.warehouse.news import may_wait
from cbr_warehouse.warehouse.partitions import partition_bytes
from cbr_warehouse.warehouse.query import count_rows
from cbr_warehouse.warehouse.reusable_file import (
    is_published,
    is_reusable,
    note_next,
    published_checksum,
    read_checksum,
)
from cbr_warehouse.warehouse.sidecars import remove_sidecars, verify_published
from cbr_warehouse.warehouse.update import Publication, WarehouseUpdate
from cbr_warehouse.warehouse.working_file import attached, copy_file, is_bloated

logger = logging.getLogger(__name__)


def build_warehouse(
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    *,
    fresh: bool = False,
    at_least_every: timedelta = timedelta(0),
    runner: ShareRunner = IN_PROCESS,
) -> Publication:
    """Updates the warehouse from tables and ledgers and publishes it atomically.

    Args:
        directory: The data directory.
        contract: The contract.
        analytics: The settings of the analytics.
        fresh: Whether to build it from scratch instead of from the published one.
        at_least_every: How long a large file may stay as it is while there is no news.
        runner: Makes the rows of each source where the file is built from scratch and is large enough.

    Returns:
        The sources whose rows stay as they were published, because files of theirs are damaged.

    Raises:
        WarehouseError: The result violates a key or a reference; nothing is published.
        StorageError: The file could not be written; the published one stays in place.
        ComputeError: The workers failed; nothing is published.
    """
    next_file = directory.root / f"{TEMPORARY_PREFIX}{uuid4().hex}-warehouse.duckdb"
    published = directory.warehouse
    if not fresh and may_wait(directory, contract, analytics, at_least_every):
        with as_storage_error(published):
            remove_sidecars(published)
        return Publication()
    # To build on it, it is read whole: what the disk has damaged since it was noted would be copied into the
    # next file, and be noted as its content.
    current = published_checksum(directory) if fresh else read_checksum(directory)
    is_known = is_published(directory, current)
    fresh = fresh or not is_reusable(directory, contract, current)
    with publish(next_file, published):
        if fresh and runner.distributes(partial(partition_bytes, directory)):
            # Not imported where this process does all by itself.
            from cbr_warehouse.warehouse.from_shares import write_from_shares  # noqa: PLC0415

            publication, rows = write_from_shares(next_file, directory, contract, analytics, runner)
        else:
            publication, rows = _write_or_start_over(next_file, directory, contract, analytics, fresh)
        # A file that another program changed must not be known after a crash before the rename.
        note_next(directory, current if is_known else None, next_file, contract.warehouse_fingerprint)
        # Before the rename: what lies there belongs to the file that is replaced.
        remove_sidecars(published)
    with as_storage_error(published):
        verify_published(published, rows)
    return publication


_Written = tuple[Publication, dict[str, int]]
"""What was held back, and the rows of the written file by table."""


def _write_or_start_over(
    next_file: Path,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    fresh: bool,
) -> _Written:
    """Writes the next warehouse; from the tables alone where the published one cannot be built on."""
    write = partial(_write_compact, next_file, directory, contract, analytics)
    try:
        return with_enough_memory(partial(write, fresh))
    except (duckdb.Error, WarehouseError) as error:
        if fresh or is_short_of_memory(error) or is_refused_by_disk(error):
            raise
        logger.warning(
            "%s: the next warehouse could not be built on it (%s). It is built again from the tables.",
            directory.warehouse,
            str(error).splitlines()[0],
        )
        return with_enough_memory(partial(write, True))


def _write_compact(
    next_file: Path,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    fresh: bool,
    megabytes: int,
) -> _Written:
    """Writes the next warehouse, again from the tables where much of the file is free space.

    The first file is sound: it stays where the second one fails, or would hold less than the first.
    """
    write = partial(_write, directory=directory, contract=contract, analytics=analytics, megabytes=megabytes)
    written, is_bloated_file = write(next_file, fresh=fresh)
    if fresh or not is_bloated_file or written[0].held_back:
        return written
    second_file = next_file.with_name(f"{next_file.name}.rewritten")
    try:
        rewritten, _ = write(second_file, fresh=True)
    except (duckdb.Error, OSError, WarehouseError, StorageError) as error:
        logger.warning(
            "%s: could not be rewritten without its free space (%s). It is published with it.",
            directory.warehouse,
            str(error).splitlines()[0],
        )
    else:
        if not rewritten[0].held_back:
            second_file.replace(next_file)
            return rewritten
        # Damage of files that the first one did not have to read: it is to be mended, and nothing is lost.
        written = (Publication(broken=rewritten[0].broken), written[1])
    for left in second_file.parent.glob(f"{second_file.name}*"):
        left.unlink(missing_ok=True)
    return written


def _write(
    next_file: Path,
    *,
    directory: DataDirectory,
    contract: Contract,
    analytics: AnalyticsSettings,
    fresh: bool,
    megabytes: int,
) -> tuple[_Written, bool]:
    """Writes a warehouse; may be called again, with more memory.

    Returns:
        What was written, and whether so much of the file is free space that it is worth rewriting.
    """
    next_file.unlink(missing_ok=True)
    release_memory()
    if not fresh:
        copy_file(directory.warehouse, next_file)
    # Each thread of an insert leaves a row group that is not full, which the checkpoint writes again: two
    # threads take twice the CPU, and no less time.
    # By the name of its folder, the next load knows what a killed publication spilled as it knows the file.
    with (
        open_engine(directory.root, 1, spill_name="warehouse.duckdb-spill") as connection,
        attached(connection, next_file),
    ):
        limit_memory(connection, megabytes)
        update = WarehouseUpdate(connection, directory, contract, analytics, fresh=fresh)
        publication = update.run(megabytes)
        rows = count_rows(connection, [table.name for table in contract.tables])
        return (publication, rows), is_bloated(connection, next_file)
