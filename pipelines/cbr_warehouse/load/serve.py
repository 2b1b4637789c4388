"""Publishes to the DuckLake that readers of other hosts read; without one it is nothing, and imports nothing.

A load publishes its file first, which stays what the warehouse is.
"""

from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.load.context import LoadContext

# Imported where a DuckLake is configured: other loads neither need it nor wait for its import.
# ruff: noqa: PLC0415


def prepare_lake(context: LoadContext) -> None:
    """Fails before a load begins if what a DuckLake needs is not installed, or its password is not there.

    Args:
        context: The load's dependencies.

    Raises:
        SettingsError: The password cannot be read.
        UsageError: An extension of DuckDB is not installed.
    """
    if context.lake is not None:
        from cbr_warehouse.warehouse.lake.extensions import require_extensions

        require_extensions()
        context.lake.read_password()


def publish_to_readers(context: LoadContext) -> CbrWarehouseError | None:
    """Publishes the published file to the DuckLake, where one is configured.

    Args:
        context: The load's dependencies; the caller holds the lock of the publication.

    Returns:
        What went wrong, to be raised when the lock is released: the file itself is published, and a data
        directory in a store is to be committed with it.
    """
    if context.lake is None:
        return None
    from cbr_warehouse.warehouse.lake.publish import publish_to_lake

    try:
        publish_to_lake(context.directory, context.lake)
    except CbrWarehouseError as error:
        return error
    return None
