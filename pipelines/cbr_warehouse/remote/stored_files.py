"""The files of a data directory in a store, to be brought back into a folder."""

from typing import TYPE_CHECKING

from cbr_warehouse.remote.commits import read_commit
from cbr_warehouse.remote.scopes import OF_ALL_SOURCES, scope_of_source
from cbr_warehouse.remote.source_names import read_sources
from cbr_warehouse.transfer.download import Wanted
from cbr_warehouse.transfer.snapshot import CopiedFile, Snapshot

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore


def find_stored_files(store: "ObjectStore") -> Wanted | None:
    """What is committed of all scopes now; loads may go on. None where nothing is.

    Args:
        store: The store.

    Raises:
        StorageError: A folder is being copied there, the store refused something, or a commit is not what was
            written.
    """
    # First what was made of the sources: so these are never older than it.
    scopes = (*reversed(OF_ALL_SOURCES), *map(scope_of_source, read_sources(store)))
    commits = [found for scope in scopes if (found := read_commit(store, scope)[0]) is not None]
    if not commits:
        return None
    stored = {path: file for commit in commits for path, file in commit.files.items()}
    files = tuple(CopiedFile(path, one.size, one.sha256) for path, one in sorted(stored.items()))
    made_at = max(commit.made_at for commit in commits)
    snapshot = Snapshot(",".join(commit.id for commit in commits), made_at, files)
    return Wanted(snapshot, {path: one.key for path, one in stored.items()})
