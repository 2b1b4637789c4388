"""Having the data directory to oneself: what every writer does first, the command and Dagster alike."""

from collections.abc import Iterator
from contextlib import contextmanager

from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.storage.atomic_write import remove_unfinished
from cbr_warehouse.storage.lock import hold_lock


@contextmanager
def hold_alone(loading: LoadContext, what: str, *, wait: bool) -> Iterator[None]:
    """Keeps other writers out while the block runs, and removes what interrupted ones left unfinished.

    Args:
        loading: What to work with.
        what: What the block does, for whom it keeps out.
        wait: Whether to wait for another writer instead of failing.

    Raises:
        LoadRunningError: Another writer is at work, and ``wait`` is false.
        StorageError: The data directory cannot be written.
    """
    directory = loading.directory
    with hold_lock(directory.lock, what=what, now=loading.clock(), wait=wait):
        remove_unfinished(directory.root)
        yield
