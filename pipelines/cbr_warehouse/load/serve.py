"""Publishes to the DuckLake that readers of other hosts read; without one it is nothing, and imports nothing.

A load publishes its file first, which stays what the warehouse is.
"""

from pathlib import Path

from cbr_warehouse.errors import CbrWarehouseError, SettingsError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.store_url import StoreUrl, parse_store_url
from cbr_warehouse.warehouse.place import LakeAddress, lake_address

# Imported where a DuckLake is configured: other loads neither need it nor wait for its import.
# ruff: noqa: PLC0415


_FOLDER = "lake"
"""Where the files of a DuckLake are in the data directory: a store has nothing of a commit there."""


def choose_lake(directory: DataDirectory, settings: Settings) -> LakeAddress | None:
    """The configured DuckLake, with where its files are; nothing is connected yet.

    Args:
        directory: The data directory.
        settings: The configuration.

    Returns:
        Its address; None where none is configured.

    Raises:
        SettingsError: Its files would be among those of the data directory in a store.
        UsageError: Where its files are is no address of a store.
    """
    if settings.warehouse is None:
        return None
    return lake_address(settings.warehouse, _choose_files(directory, settings.warehouse_files))


def _choose_files(directory: DataDirectory, configured: Path | str | None) -> Path | StoreUrl:
    own = None if directory.origin is None else parse_store_url(directory.origin)
    if configured is None:
        return directory.root / _FOLDER if own is None else own.below(_FOLDER)
    if isinstance(configured, Path):
        return configured
    files = parse_store_url(configured)
    if own is not None and own.has(files) and not own.below(_FOLDER).has(files):
        raise SettingsError(
            f"warehouse_files: {files} is in the data directory {own}, which removes what it does not know. "
            f"Leave warehouse_files out for {own.below(_FOLDER)}, or name a prefix outside."
        )
    return files


def prepare_lake(context: LoadContext) -> None:
    """Fails before a load begins if what a DuckLake needs is not installed, or its secrets are not there.

    Args:
        context: The load's dependencies.

    Raises:
        SettingsError: The password cannot be read, or there are no credentials for its files in a store.
        UsageError: An extension of DuckDB is not installed.
    """
    if context.lake is not None:
        from cbr_warehouse.warehouse.lake.connect import require_lake

        require_lake(context.lake)


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
