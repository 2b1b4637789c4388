"""Whether a publication would have any news, for files so large that each publication costs much.

A load without news changes ``loads``, ``coverage.checked_at``, ``last_seen_at`` and the watermarks. Where the
file system must copy a large file for that, it is published with the next news, or once a day.
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

import duckdb

from cbr_warehouse.analytics.build import is_current
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.inventory import changed_inventories
from cbr_warehouse.warehouse.ledger_rows import read_ledgers, verdicts_differ
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.partitions import changed_partitions
from cbr_warehouse.warehouse.reusable_file import is_reusable, published_checksum
from cbr_warehouse.warehouse.working_file import can_clone

logger = logging.getLogger(__name__)

LARGE_FILE_BYTES = 256 * 2**20
"""Smaller files are published with every load."""


def may_wait(
    directory: DataDirectory, contract: Contract, analytics: AnalyticsSettings, at_least_every: timedelta
) -> bool:
    """Whether the published file may stay as it is until there is news.

    Args:
        directory: The data directory.
        contract: The contract of the next warehouse.
        analytics: The settings of the analytics.
        at_least_every: How old the published file may become.
    """
    try:
        found = directory.warehouse.stat()
        age = time.time() - found.st_mtime
        if found.st_size <= LARGE_FILE_BYTES or not 0 <= age < at_least_every.total_seconds():
            return False
        return not can_clone(directory.warehouse) and not has_news(directory, contract, analytics)
    except OSError:
        return False  # the publication meets it too, and says what it is


def has_news(directory: DataDirectory, contract: Contract, analytics: AnalyticsSettings) -> bool:
    """Whether a publication would change more than times of checks, last sightings and the rows of loads.

    Args:
        directory: The data directory.
        contract: The contract of the next warehouse.
        analytics: The settings of the analytics.

    Returns:
        Also true where there is no published file, or one that cannot be built on.
    """
    try:
        # Why it is not is for the publication to report, which finds it too.
        if not is_reusable(directory, contract, published_checksum(directory), report=logger.debug):
            return True
        return _differs(directory, analytics, directory.sources_with_raw())
    except (OSError, StorageError, WarehouseError, duckdb.Error):
        return True  # the publication meets it too, and says what it is


def has_news_of(directory: DataDirectory, analytics: AnalyticsSettings, source: str) -> bool:
    """The same of one source, without whether the published file can be built on."""
    try:
        return _differs(directory, analytics, [source])
    except (OSError, StorageError, WarehouseError, duckdb.Error):
        return True


def _differs(directory: DataDirectory, analytics: AnalyticsSettings, sources: Sequence[str]) -> bool:
    with open_published(directory.warehouse) as connection:
        return (
            not is_current(connection, analytics)
            or bool(changed_partitions(connection, directory, sources))
            or bool(changed_inventories(connection, directory, sources))
            or any(
                verdicts_differ(connection, source, read_ledgers(connection, directory, source))
                for source in sources
            )
        )
