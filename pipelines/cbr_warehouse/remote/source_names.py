"""The names of the sources that a store has: one object, so that nobody has to list the store to find them.

While a folder becomes a data directory in a store, that object says so, and nobody else may use what is
there: it names all sources, and what is committed of them is not all yet.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cbr_warehouse.errors import StorageError
from cbr_warehouse.remote.scopes import source_of_scope
from cbr_warehouse.transfer.checked_entries import require_format
from cbr_warehouse.transfer.snapshot import SNAPSHOT

if TYPE_CHECKING:
    from cbr_warehouse.storage.object_store import ObjectStore

SOURCES = "sources.json"
"""Its key."""

_FORMAT = 1
_ATTEMPTS = 20


@dataclass(frozen=True)
class Filling:
    """A folder that is being copied into a store, to be its data directory.

    Attributes:
        id: Distinguishes it from every other one; it is that of the first run of those that were killed.
        folder: Id of the folder, by which a later run knows it again.
        by: Which folder, process and host, for messages.
        since: When it began, UTC.
    """

    id: str
    folder: str
    by: str
    since: datetime


@dataclass(frozen=True)
class SourceNames:
    """What the object says.

    Attributes:
        names: The names, in order.
        filling: Set while a folder is being copied there.
        etag: Its ETag; None where there is no such object.
    """

    names: tuple[str, ...] = ()
    filling: Filling | None = None
    etag: str | None = None


def new_filling(folder: str, by: str, now: datetime) -> Filling:
    """A claim of a folder to become what a store has.

    Args:
        folder: Id of the folder.
        by: Which folder, process and host.
        now: The present, UTC.
    """
    return Filling(uuid4().hex, folder, by, now)


def read_sources(store: "ObjectStore") -> tuple[str, ...]:
    """Names of all sources that a store has, by name; also of one whose first load is not committed yet.

    Raises:
        StorageError: A folder is being copied there, the store refused something, or the object is not what
            was written.
    """
    return _require_filled(store, read_names(store)).names


def add_source(store: "ObjectStore", source: str) -> None:
    """Adds a name to those that :func:`read_sources` returns, before anything of the source is committed.

    Raises:
        StorageError: A folder is being copied there, a copy is there, the store refused something, or others
            were always faster.
    """
    for _ in range(_ATTEMPTS):
        known = _require_filled(store, read_names(store))
        if source in known.names:
            return
        if known.etag is None and store.size_of(SNAPSHOT) is not None:
            raise StorageError(
                f"{store.url}: has a copy of a data directory, which is none itself. Choose another prefix "
                "as data_dir, or bring the copy back into a folder with "
                f"'cbr-warehouse --data-dir FOLDER copy --from {store.url}'."
            )
        if write_names(store, {*known.names, source}, None, known.etag):
            return
    raise StorageError(f"{store.url}/{SOURCES}: others changed it all the time. Run the command again.")


def require_filled(store: "ObjectStore") -> None:
    """Fails while a folder is being copied into a store.

    Raises:
        StorageError: One is, the store refused something, or the object is not what was written.
    """
    _require_filled(store, read_names(store))


def require_no_data_directory(store: "ObjectStore") -> None:
    """Fails if a store has a data directory where a copy is to go.

    Raises:
        StorageError: It has, or the store refused something.
    """
    if has_data_directory(store):
        raise StorageError(
            f"{store.url}: is a data directory, and a copy goes to a prefix of its own. Choose another "
            "prefix."
        )


def has_data_directory(store: "ObjectStore") -> bool:
    """Whether a store has a data directory, or a folder is being copied there to become one.

    Raises:
        StorageError: The store refused something.
    """
    return store.size_of(SOURCES) is not None


def read_names(store: "ObjectStore") -> SourceNames:
    """Reads the object.

    Raises:
        StorageError: The store refused something, or it is not what was written.
    """
    found, where = store.read(SOURCES), f"{store.url}/{SOURCES}"
    if found is None:
        return SourceNames()
    try:
        value = json.loads(found[0])
        require_format(value, _FORMAT, where)
        names: Collection[str] = value["sources"]
        if any(source_of_scope(f"source={name}") is None for name in names):
            raise ValueError("a name is none of a source")  # noqa: TRY301
        filling = _parse(value["filling"]) if "filling" in value else None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{where}: is not what was written ({error}). Restore an older version of this object."
        ) from error
    return SourceNames(tuple(sorted(names)), filling, found[1])


def write_names(
    store: "ObjectStore", names: Collection[str], filling: Filling | None, etag: str | None
) -> bool:
    """Writes the object in place of the one that was read.

    Args:
        store: The store.
        names: The names.
        filling: Set while a folder is being copied there.
        etag: The ETag that was read.

    Returns:
        Whether it was still that one.

    Raises:
        StorageError: The store refused or did not answer.
    """
    value: dict[str, Any] = {"format": _FORMAT, "id": uuid4().hex, "sources": sorted(names)}
    if filling is not None:
        value["filling"] = {
            "id": filling.id,
            "folder": filling.folder,
            "by": filling.by,
            "since": filling.since.isoformat(),
        }
    return store.write_if(SOURCES, json.dumps(value, indent=1).encode(), etag) is not None


def _require_filled(store: "ObjectStore", found: SourceNames) -> SourceNames:
    if (filling := found.filling) is not None:
        raise StorageError(
            f"{store.url}: a folder is being copied there ({filling.by}, since "
            f"{filling.since:%Y-%m-%d %H:%M} UTC). Wait for it; if it was interrupted, run the same command "
            "again there, which finishes it. To give it up, remove what is below this prefix."
        )
    return found


def _parse(value: Any) -> Filling:
    return Filling(
        str(value["id"]), str(value["folder"]), str(value["by"]), datetime.fromisoformat(value["since"])
    )
