"""Whether a load asks a source for its inventory, and how many requests that takes, from the ledger alone."""

import logging
from collections.abc import Sequence
from datetime import datetime

from cbr_warehouse.contract.inventory_lists import INVENTORY_LISTS
from cbr_warehouse.errors import StorageError
from cbr_warehouse.raw.inventory import read_noted_snapshots
from cbr_warehouse.raw.inventory_damage import find_gone_inventory
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.ledger_order import CLOCK_TOLERANCE
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)

FEWEST_REQUESTS = 2 * len(INVENTORY_LISTS)
"""For short lists: a page, and another that shows that there are no more."""


def is_inventory_due(directory: DataDirectory, source: SourceSettings, now: datetime) -> bool:
    """Whether a load asks a source for its inventory.

    Args:
        directory: The data directory.
        source: The source.
        now: The present, UTC, by the source's clock if it has told its time.

    Raises:
        StorageError: The ledger cannot be read.
    """
    return source.inventory and _is_due(directory, source, read_noted_snapshots(directory, source.name), now)


def _is_due(
    directory: DataDirectory, source: SourceSettings, noted: Sequence[Snapshot], now: datetime
) -> bool:
    if not noted or find_gone_inventory(directory, source.name, noted):
        return True
    # A snapshot from the future was dated by a clock that was ahead.
    age = now - noted[-1].fetched_at
    return age >= source.inventory_every or age < -CLOCK_TOLERANCE


def expect_inventory(directory: DataDirectory, source: SourceSettings, now: datetime) -> int:
    """How many requests a load makes for the inventory: as many as the last one did.

    Args:
        directory: The data directory.
        source: The source.
        now: The present, UTC.
    """
    if not source.inventory:
        return 0
    try:
        noted = read_noted_snapshots(directory, source.name)
        if not _is_due(directory, source, noted, now):
            return 0
    except StorageError as error:
        # The tasks are loaded all the same; taking the inventory fails with this.
        logger.debug("%s: no inventory is expected: %s", source.name, error)
        return 0
    last = sum(one.requests for one in noted[-1].lists) if noted else 0
    return max(last, FEWEST_REQUESTS)
