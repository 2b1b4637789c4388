"""What a load does with a data directory in an object store; of a folder it is nothing, and imports nothing.

The locks of this machine are taken as ever, in ``locks``. Here other hosts are kept out, and what was made is
committed.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.storage.layout import SOURCE_PREFIX, DataDirectory
from cbr_warehouse.storage.lock import describe_holder

# Imported where a directory is in a store: loads into a folder neither need it nor wait for its import.
# ruff: noqa: PLC0415


@contextmanager
def hold_in_store(
    context: LoadContext, source: str, what: str, *, wait: bool, keep: bool = True
) -> Iterator[None]:
    """Keeps other hosts from changing a source while the block does, and commits what it made.

    Args:
        context: The load's dependencies; the caller holds the source's lock.
        source: Name of the source.
        what: What the block does, for those it keeps out.
        wait: Whether to wait for another host instead of failing.
        keep: Whether to continue with what a killed process left on this machine.

    Raises:
        LoadRunningError: Another host loads the source, and ``wait`` is false.
        StorageError: The store refused something, or another host has committed meanwhile.
    """
    if context.directory.origin is None:
        yield
        return
    from cbr_warehouse.remote.hold import Holding, hold_scope
    from cbr_warehouse.remote.scopes import scope_of_source

    def report(sentence: str) -> None:
        context.progress.notice(f"{source}: {sentence}")

    with hold_scope(
        context.directory, scope_of_source(source), Holding(what, context.clock, wait, report, keep=keep)
    ):
        yield


@contextmanager
def hold_published_in_store(
    context: LoadContext, what: str, quiet_seconds: float, *, keep: bool = True
) -> Iterator[None]:
    """Keeps other hosts from publishing while the block does, and commits what it published.

    Args:
        context: The load's dependencies; the caller holds the lock of the directory.
        what: What the block does, for those it keeps out.
        quiet_seconds: Waits shorter than this are not reported.
        keep: Whether to continue with what a killed process left on this machine.

    Raises:
        StorageError: The store refused something, or another host has committed meanwhile.
    """
    if context.directory.origin is None:
        yield
        return
    from cbr_warehouse.remote.hold import Holding, hold_scope
    from cbr_warehouse.remote.scopes import WAREHOUSE

    def report(sentence: str) -> None:
        context.progress.notice(f"{what}: {sentence}")

    holding = Holding(what, context.clock, wait=True, report=report, quiet_seconds=quiet_seconds, keep=keep)
    with hold_scope(context.directory, WAREHOUSE, holding):
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
            commit(context.directory, f"{SOURCE_PREFIX}{source}")


def source_holder(directory: DataDirectory, source: str, now: datetime) -> str | None:
    """Who loads a source, on this machine or any other that shares the directory; None if nobody does.

    Args:
        directory: The data directory.
        source: Name of the source.
        now: The present, UTC.

    Raises:
        StorageError: The store refused something.
    """
    local = describe_holder(directory.source_lock(source))
    if local is not None or directory.origin is None:
        return local
    from cbr_warehouse.remote.hold import describe_remote_holder
    from cbr_warehouse.remote.scopes import scope_of_source

    return describe_remote_holder(directory, scope_of_source(source), now)


def directory_holder(directory: DataDirectory, now: datetime) -> str | None:
    """Who writes tables or the warehouse, as :func:`source_holder`; on other machines, who publishes.

    Args:
        directory: The data directory.
        now: The present, UTC.

    Raises:
        StorageError: The store refused something.
    """
    local = describe_holder(directory.lock)
    if local is not None or directory.origin is None:
        return local
    from cbr_warehouse.remote.hold import describe_remote_holder
    from cbr_warehouse.remote.scopes import WAREHOUSE

    return describe_remote_holder(directory, WAREHOUSE, now)
