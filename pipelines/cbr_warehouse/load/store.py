"""What a load does with a data directory in an object store; of a folder it is nothing, and imports nothing.

The locks of this machine are taken as ever, in ``locks``. Here other hosts are kept out, and what was made is
committed.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import describe_holder

# Imported where a directory is in a store: loads into a folder neither need it nor wait for its import.
# ruff: noqa: PLC0415


_QUIET_SECONDS = 5.0
"""The turn of a project is waited for this long without saying so."""


@contextmanager
def hold_in_store(
    context: LoadContext,
    source: str | None,
    what: str,
    *,
    wait: bool,
    quiet_seconds: float = 0.0,
    keep: bool = True,
) -> Iterator[None]:
    """Keeps other hosts from changing a source, or from publishing, while the block does, and commits it.

    Args:
        context: The load's dependencies; the caller holds the lock of the source, or of the directory.
        source: Name of the source; None for the published warehouse.
        what: What the block does, for those it keeps out.
        wait: Whether to wait for another host instead of failing.
        quiet_seconds: Waits shorter than this are not reported.
        keep: Whether to continue with what a killed process left on this machine.

    Raises:
        LoadRunningError: Another host has it, and ``wait`` is false.
        StorageError: The store refused something, or another host has committed meanwhile.
    """
    if context.directory.origin is None:
        yield
        return
    from cbr_warehouse.remote.hold import Holding, hold_scope

    def report(sentence: str) -> None:
        context.progress.notice(f"{source or what}: {sentence}")

    holding = Holding(what, context.clock, wait, report, quiet_seconds, keep)
    with hold_scope(context.directory, _scope_of(source), holding):
        yield


@contextmanager
def hold_project(context: LoadContext, source: SourceSettings) -> Iterator[None]:
    """Keeps other hosts from sending requests to a project while the block does, if its rate is limited.

    Each process keeps the rate by itself, so that two at once would send at twice the rate. Processes that
    load into a folder keep it by a file in that folder.

    Args:
        context: The load's dependencies; the caller holds the lock of the source.
        source: The source.

    Raises:
        StorageError: The store refused something.
    """
    if context.directory.origin is None or source.max_requests_per_second is None:
        yield
        return
    from cbr_warehouse.remote import project_turn
    from cbr_warehouse.remote.hold import Holding

    def report(sentence: str) -> None:
        context.progress.notice(f"{source.name}: {sentence}, which sends requests to the same project")

    holding = Holding(f"load of {source.name}", context.clock, True, report, _QUIET_SECONDS)
    with project_turn.hold_project(context.directory, source.project_key, holding):
        yield


def for_publication(context: LoadContext) -> LoadContext:
    """The context of a publication: in a store's working copy of its own, which has what is committed.

    Args:
        context: The load's dependencies.
    """
    if context.directory.origin is None:
        return context
    from cbr_warehouse.remote.place import publication_directory

    return replace(context, directory=publication_directory(context.directory))


def bring_up_sources(context: LoadContext) -> None:
    """Brings all sources of a working copy to what the store has; of a folder it does nothing.

    Args:
        context: The load's dependencies; the caller holds the lock of the directory.

    Raises:
        StorageError: The store or the disk refused something.
    """
    if context.directory.origin is not None:
        from cbr_warehouse.remote.hold import refresh_sources

        refresh_sources(context.directory, context.progress.notice, keep=False)


def bring_up_published(context: LoadContext) -> None:
    """Brings the published warehouse of a working copy to what the store has; of a folder it does nothing.

    Args:
        context: The load's dependencies.

    Raises:
        StorageError: The store or the disk refused something.
    """
    if context.directory.origin is not None:
        from cbr_warehouse.remote.hold import refresh_published

        refresh_published(context.directory, context.progress.notice)


def sources_in_store(context: LoadContext) -> tuple[str, ...]:
    """Names of the sources that other hosts have loaded too; of a folder there are none.

    Args:
        context: The load's dependencies.

    Raises:
        StorageError: The store refused something.
    """
    if context.directory.origin is None:
        return ()
    from cbr_warehouse.remote.hold import stored_sources

    return stored_sources(context.directory)


def commit_sources(context: LoadContext, sources: Iterable[str]) -> None:
    """Commits what was made of sources so far, whose leases the caller holds; of a folder it does nothing.

    Args:
        context: The load's dependencies.
        sources: Names of the sources.

    Raises:
        StorageError: The lease was taken by another process, another host has committed meanwhile, or the
            store or the disk refused something.
    """
    if context.directory.origin is not None:
        from cbr_warehouse.remote.hold import commit

        for source in sources:
            commit(context.directory, _scope_of(source))


def source_holder(directory: DataDirectory, source: str, now: datetime) -> str | None:
    """Who loads a source, on this machine or any other that shares the directory; None if nobody does.

    Args:
        directory: The data directory.
        source: Name of the source.
        now: The present, UTC.

    Raises:
        StorageError: The store refused something.
    """
    return _holder(directory, directory.source_lock(source), source, now)


def directory_holder(directory: DataDirectory, now: datetime) -> str | None:
    """Who writes tables or the warehouse, as :func:`source_holder`; on other machines, who publishes.

    Args:
        directory: The data directory.
        now: The present, UTC.

    Raises:
        StorageError: The store refused something.
    """
    return _holder(directory, directory.lock, None, now)


def _holder(directory: DataDirectory, lock: Path, source: str | None, now: datetime) -> str | None:
    local = describe_holder(lock)
    if local is not None or directory.origin is None:
        return local
    from cbr_warehouse.remote.hold import describe_remote_holder

    return describe_remote_holder(directory, _scope_of(source), now)


def _scope_of(source: str | None) -> str:
    """The scope of a source, or of the published warehouse."""
    from cbr_warehouse.remote.scopes import WAREHOUSE, scope_of_source

    return WAREHOUSE if source is None else scope_of_source(source)
