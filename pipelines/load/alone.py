"""Having the data directory to oneself: what every writer does first, the command and Dagster alike."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.load.context import Loading
from pipelines.storage.lock import hold_lock
from pipelines.storage.whole import remove_unfinished


@contextmanager
def hold_alone(loading: Loading, what: str, *, wait: bool) -> Iterator[None]:
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
