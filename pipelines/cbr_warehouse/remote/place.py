"""Where a configured data directory is on this machine: a folder, or the working copy of one in a store.

Every command asks, so nothing is imported here that a folder does not need.
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cbr_warehouse.errors import UsageError
from cbr_warehouse.storage.layout import DataDirectory

if TYPE_CHECKING:
    from cbr_warehouse.remote.pool import Pool
    from cbr_warehouse.remote.working_copy import WorkingCopy

# ruff: noqa: PLC0415

PATIENCE_SECONDS = 60.0
"""How long one request is repeated: shorter than a lease, so that one that is renewed late is not lost."""

CACHE_DIR_VARIABLE = "CBR_WAREHOUSE_CACHE_DIR"
"""The variable of the environment with the folder of all working copies; it precedes the setting."""


def directory_at(
    place: Path | str, cache_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> DataDirectory:
    """A data directory; of one in a store, its working copy. Nothing is requested and nothing written.

    Args:
        place: A folder, or ``s3://bucket/prefix``.
        cache_dir: The configured folder of all working copies; None for the usual one.
        environ: The environment.

    Raises:
        UsageError: It is no such address.
    """
    if isinstance(place, Path):
        return DataDirectory(place)
    import hashlib

    from cbr_warehouse.storage.store_url import endpoint_in, parse_store_url

    url = parse_store_url(place)
    digest = hashlib.sha256(f"{endpoint_in(environ)}\n{url}".encode()).hexdigest()[:12]
    name = re.sub(r"[^a-z0-9]+", "-", f"{url.bucket}-{url.prefix}".lower()).strip("-")[:60]
    return DataDirectory(_caches(cache_dir, environ) / f"{name}-{digest}" / "work", str(url))


def publication_directory(directory: DataDirectory) -> DataDirectory:
    """The working copy in which the warehouse is built: it has what is committed, and nothing else."""
    return DataDirectory(directory.root.with_name("publish"), directory.origin)


def open_copy(directory: DataDirectory) -> "WorkingCopy":
    """Opens the working copy of a data directory in a store; nothing is requested yet.

    Args:
        directory: As of :func:`directory_at`.

    Raises:
        UsageError: The library for stores is not installed.
        SettingsError: There are no credentials.
    """
    if find_spec("obstore") is None:
        raise UsageError(
            f"{directory.origin}: this needs the package obstore. Install it with "
            "pip install 'cbr-warehouse[store]'."
        )
    from cbr_warehouse.remote.working_copy import WorkingCopy
    from cbr_warehouse.storage.object_store import open_store
    from cbr_warehouse.storage.store_url import parse_store_url

    store = open_store(parse_store_url(str(directory.origin)), os.environ, PATIENCE_SECONDS)
    return WorkingCopy(directory, store, open_pool(directory))


def open_pool(directory: DataDirectory) -> "Pool":
    """The contents that the working copies of a data directory in a store have on this machine."""
    from cbr_warehouse.remote.pool import Pool

    return Pool(directory.root.with_name("objects"))


def bring_up_for_reading(
    directory: DataDirectory, report: Callable[[str], None], *, published_only: bool = False
) -> None:
    """Brings a working copy to what the store has; of a folder it does nothing.

    Args:
        directory: The data directory.
        report: Gets a sentence where what a killed process left is dropped.
        published_only: Whether the published warehouse is enough, and what else belongs to all sources.

    Raises:
        StorageError: The store or the disk refused something.
    """
    if directory.origin is None:
        return
    from cbr_warehouse.remote.hold import refresh_everything, refresh_published

    (refresh_published if published_only else refresh_everything)(directory, report)


def bring_up_reports(directory: DataDirectory, report: Callable[[str], None]) -> None:
    """Brings the reports of a working copy to what the store has; of a folder it does nothing.

    No reader needs those of other hosts, but a copy has all of them.

    Args:
        directory: The data directory.
        report: Gets a sentence where what a killed process left is dropped.

    Raises:
        StorageError: The store or the disk refused something.
    """
    if directory.origin is None:
        return
    from cbr_warehouse.remote.hold import refresh
    from cbr_warehouse.remote.scopes import REPORTS

    refresh(directory, [REPORTS], report)


def follow_published(directory: DataDirectory, report: Callable[[str], None]) -> Callable[[], None]:
    """What a command that runs for long calls when it is asked something, to have what is published now.

    Args:
        directory: The data directory, brought up.
        report: Gets a sentence where the store does not answer.
    """
    if directory.origin is None:
        return lambda: None
    from cbr_warehouse.remote.follow import PublishedFollower

    return PublishedFollower(directory, report).bring_up


def keep_in_store(directory: DataDirectory, place: Path, what: str, now: datetime) -> None:
    """Sends a file, or all files of a folder, that was written into a working copy without a load.

    Of a folder it does nothing, and nothing for a place that is not below the working copy or not there.

    Args:
        directory: The data directory.
        place: The file or folder: a report, or what was reported of controls.
        what: What was done, for messages.
        now: The present, UTC.

    Raises:
        StorageError: The store or the disk refused something.
    """
    if directory.origin is None or not place.resolve().is_relative_to(directory.root.resolve()):
        return
    from cbr_warehouse.remote.hold import add_files

    add_files(directory, place, what, now)


def tidy_store(directory: DataDirectory, now: datetime) -> int:
    """Removes from a store what killed hosts had sent and not committed; of a folder it does nothing.

    Args:
        directory: The data directory.
        now: The present, UTC.

    Returns:
        How many objects were removed.

    Raises:
        StorageError: The store or the disk refused something.
    """
    if directory.origin is None:
        return 0
    from cbr_warehouse.remote.orphans import remove_orphans

    return remove_orphans(directory, now)


def _caches(cache_dir: Path | None, environ: Mapping[str, str]) -> Path:
    if environ.get(CACHE_DIR_VARIABLE):
        return Path(environ[CACHE_DIR_VARIABLE]).absolute()
    if cache_dir is not None:
        return cache_dir
    usual = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(usual) / "cbr-warehouse").expanduser().absolute()
