"""Objects that no commit names: what a host had sent when it was killed, or when another one was faster."""

from datetime import datetime

from cbr_warehouse.remote.commits import OBJECTS, read_commit
from cbr_warehouse.remote.place import open_copy, open_pool
from cbr_warehouse.remote.scopes import OF_ALL_SOURCES, scope_of_source
from cbr_warehouse.remote.source_names import read_sources
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.transfer.snapshot import KEPT_AFTER_REPLACEMENT


def remove_orphans(directory: DataDirectory, now: datetime) -> int:
    """Removes objects that no commit has named for a day, and what no working copy of this machine has.

    Lists all objects, a request for a thousand of them, which nothing else does.

    Args:
        directory: A working copy.
        now: The present, UTC.

    Returns:
        How many objects were removed from the store.

    Raises:
        StorageError: The store or the disk refused something.
    """
    store = open_copy(directory).store
    # First the objects: what is committed meanwhile is then named, and what is sent meanwhile is too new.
    written = store.written_at(OBJECTS)
    named: set[str] = set()
    for scope in (*map(scope_of_source, read_sources(store)), *OF_ALL_SOURCES):
        commit, _ = read_commit(store, scope)
        if commit is not None:
            named |= {file.key for file in commit.files.values()} | commit.replaced.keys()
    orphans = [key for key, at in written.items() if key not in named and now - at > KEPT_AFTER_REPLACEMENT]
    store.remove(orphans)
    open_pool(directory).remove_unused(now)
    return len(orphans)
