"""Holds scopes of a data directory in a store while something changes them, and refreshes them for readers.

The caller holds the lock of this machine for what it does, as of any data directory. A scope is brought to
what the store has before the block, and what the block made of it is committed after it.
"""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Lock

from cbr_warehouse.remote.lease import Lease, Terms, hold_lease, read_holder
from cbr_warehouse.remote.place import open_copy
from cbr_warehouse.remote.scopes import (
    ACCOUNTS,
    ALERTS,
    WAREHOUSE,
    scope_of,
    scope_of_source,
    source_of_scope,
)
from cbr_warehouse.remote.source_names import add_source, read_sources, require_filled
from cbr_warehouse.remote.working_copy import WorkingCopy
from cbr_warehouse.storage.files import is_file
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.linked_files import files_below
from cbr_warehouse.storage.lock import describe_holder, hold_lock
from cbr_warehouse.transfer.at_once import do_at_once


@dataclass(frozen=True)
class Holding:
    """How to hold a scope.

    Attributes:
        what: What the block does, for those it keeps out.
        clock: Returns the present, UTC.
        wait: Whether to wait for another holder instead of failing.
        report: Gets a sentence while waiting, and where what a killed process left is dropped.
        quiet_seconds: Waits shorter than this are not reported.
        keep: Whether to continue with what a killed process left on this machine.
    """

    what: str
    clock: Callable[[], datetime]
    wait: bool
    report: Callable[[str], None]
    quiet_seconds: float = 0.0
    keep: bool = True

    @property
    def made_by(self) -> str:
        """Who commits."""
        return by_this_process(self.what)

    def terms(self, copy: str) -> Terms:
        """How to take the lease.

        Args:
            copy: Id of the working copy.
        """
        return Terms(self.what, copy, self.clock, self.wait, self.report, self.quiet_seconds)


@dataclass(frozen=True)
class _Held:
    copy: WorkingCopy
    lease: Lease
    holding: Holding


_held: dict[tuple[Path, str], _Held] = {}
"""What this process holds, by folder and scope."""

_turn = Lock()


@contextmanager
def hold_scope(directory: DataDirectory, scope: str, holding: Holding) -> Iterator[None]:
    """Holds the lease of a scope while the block changes it, and commits what the block made.

    Args:
        directory: The working copy; the caller holds the lock of this machine for the scope.
        scope: The scope.
        holding: How.

    Raises:
        LoadRunningError: Another process holds the lease, and ``wait`` is false.
        StorageError: The store or the disk refused something, or another host has committed meanwhile;
            nothing of the block is committed.
    """
    copy = open_copy(directory)
    with hold_lease(copy.store, scope, holding.terms(copy.id)) as lease:
        if (source := source_of_scope(scope)) is not None:
            add_source(copy.store, source)
        with _locked(copy, scope):
            copy.refresh(scope, holding.report, holding.clock(), keep=holding.keep)
            copy.begin(scope, holding.what)
        key = (directory.root, scope)
        with _turn:
            _held[key] = _Held(copy, lease, holding)
        try:
            yield
            commit(directory, scope)
            copy.end(scope)
        finally:
            with _turn:
                _held.pop(key, None)


def commit(directory: DataDirectory, scope: str) -> None:
    """Commits what was made of a scope so far, within the block of :func:`hold_scope`.

    Args:
        directory: The working copy.
        scope: The scope; nothing changes it meanwhile.

    Raises:
        StorageError: The lease was taken by another process, another host has committed meanwhile, or the
            store or the disk refused something.
    """
    with _turn:
        held = _held[directory.root, scope]
    with _locked(held.copy, scope):
        held.copy.push(scope, held.holding.made_by, held.holding.clock(), held.lease.require)


def refresh(
    directory: DataDirectory, scopes: Iterable[str], report: Callable[[str], None], *, keep: bool = True
) -> None:
    """Brings scopes to what the store has, for readers; one that is being changed here stays as it is.

    Args:
        directory: The working copy.
        scopes: The scopes.
        report: Gets a sentence where what a killed process left is dropped.
        keep: Whether to keep what a killed process left, if nobody committed since.

    Raises:
        StorageError: The store or the disk refused something.
    """
    copy = open_copy(directory)
    do_at_once("refreshed", partial(_refresh, copy, report, keep), list(scopes))


def refresh_published(directory: DataDirectory, report: Callable[[str], None]) -> None:
    """Brings what belongs to all sources to what the store has: the published warehouse above all.

    Raises:
        StorageError: The store or the disk refused something.
    """
    refresh(directory, (WAREHOUSE, ACCOUNTS, ALERTS), report)


def refresh_everything(directory: DataDirectory, report: Callable[[str], None]) -> None:
    """Brings all of a data directory but its reports to what the store has.

    Raises:
        StorageError: The store or the disk refused something.
    """
    # First what was made of the sources: so these are never older than it.
    refresh_published(directory, report)
    refresh_sources(directory, report)


def refresh_sources(directory: DataDirectory, report: Callable[[str], None], *, keep: bool = True) -> None:
    """Brings all sources to what the store has.

    Raises:
        StorageError: The store or the disk refused something.
    """
    refresh(directory, map(scope_of_source, stored_sources(directory)), report, keep=keep)


def stored_sources(directory: DataDirectory) -> tuple[str, ...]:
    """Names of all sources that the store has.

    Raises:
        StorageError: The store refused something.
    """
    return read_sources(open_copy(directory).store)


def add_files(directory: DataDirectory, place: Path, what: str, now: datetime) -> None:
    """Adds a file, or all files of a folder, to their scope, whose other files need not be there.

    Args:
        directory: The working copy.
        place: The file or folder, below the working copy; it need not be there.
        what: What was done, for messages.
        now: The present, UTC.

    Raises:
        StorageError: The store or the disk refused something.
    """
    own = PurePosixPath(place.relative_to(directory.root))
    paths = [own] if is_file(place) else [own / path for path in files_below(place)]
    by_scope: dict[str, list[str]] = {}
    for path in paths:
        if (scope := scope_of(path)) is not None:
            by_scope.setdefault(scope, []).append(str(path))
    for scope, names in by_scope.items():
        open_copy(directory).add(scope, names, by_this_process(what), now)


def describe_remote_holder(directory: DataDirectory, scope: str, now: datetime) -> str | None:
    """Who holds a scope, on whatever host, and since when; None if nobody does.

    Raises:
        StorageError: The store refused something.
    """
    return read_holder(open_copy(directory).store, scope, now)


def by_this_process(what: str) -> str:
    """Who does something, for messages: the process and its host."""
    return f"{what} (process {os.getpid()} on {socket.gethostname()})"


def _refresh(copy: WorkingCopy, report: Callable[[str], None], keep: bool, scope: str) -> None:
    with _locked(copy, scope):
        if copy.is_begun(scope) and describe_holder(_lock_of_changes(copy.directory, scope)) is not None:
            return
        has_commit = copy.refresh(scope, report, datetime.now(UTC), keep=keep)
    if scope == WAREHOUSE and not has_commit:  # it is committed last
        require_filled(copy.store)


def _lock_of_changes(directory: DataDirectory, scope: str) -> Path:
    """The lock of this machine that whoever changes a scope holds."""
    source = source_of_scope(scope)
    return directory.lock if source is None else directory.source_lock(source)


@contextmanager
def _locked(copy: WorkingCopy, scope: str) -> Iterator[None]:
    what = f"comparison of {scope} with {copy.store.url}"
    with hold_lock(copy.lock(scope), what=what, now=datetime.now(UTC), wait=True):
        yield
