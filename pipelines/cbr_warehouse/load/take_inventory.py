"""Takes the inventory of a source at the end of its load.

It never makes a load fail: what prevents it is logged, and the tasks are landed already.
"""

import logging
from datetime import datetime

from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.extract.inventory import InventoryReader
from cbr_warehouse.load.inventory_due import is_inventory_due
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.raw.inventory_damage import set_inventory_aside
from cbr_warehouse.raw.inventory_entries import Snapshot
from cbr_warehouse.raw.inventory_writer import InventoryWriter
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)


def take_inventory(
    directory: DataDirectory,
    source: SourceSettings,
    client: CbrClient,
    load_id: str,
    now: datetime,
    progress: Progress,
) -> Snapshot | None:
    """Asks a source for its inventory, if that is due, and stores it.

    Args:
        directory: The data directory.
        source: The source, whose lock the caller holds.
        client: Its client.
        load_id: Id of the load.
        now: The present, UTC, by the source's clock.
        progress: Receives the progress of the load.

    Returns:
        The snapshot; None where none was due, or none could be stored.
    """
    name = source.name
    try:
        if not is_inventory_due(directory, source, now):
            return None
        for path in set_inventory_aside(directory, name):
            logger.warning(
                "%s: %s is damaged or gone. It is set aside below raw/damaged; what it said of objects that "
                "the source no longer has is lost. Check the disk.",
                name,
                path,
            )
        progress.step(name, "inventory received", is_counted=True)
        writer = InventoryWriter(directory, name, load_id, now)
        reader = InventoryReader(
            client, writer, source.enterprise_project_ids, lambda amount: progress.advance(name, amount)
        )
        reader.read_all()
        snapshot = writer.finish()
    except CbrWarehouseError as error:
        logger.warning("%s: its inventory was not taken: %s", name, error)
        return None
    return snapshot
