"""Which locks protect what, and the removal of what interrupted processes left behind.

Each source has a lock, held while it is loaded: no source waits for another one's API. The data
directory has one, held only while tables or the warehouse are written. A process that needs both takes
the sources' locks first, in order of their names, so that no deadlock is possible.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from cbr_warehouse.load.compact_days import resume_compaction
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.serve import publish_to_readers
from cbr_warehouse.load.store import (
    bring_up_published,
    bring_up_sources,
    commit_sources,
    for_publication,
    hold_in_store,
    sources_in_store,
)
from cbr_warehouse.storage.atomic_write import remove_abandoned, remove_unfinished
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.format_version import upgrade_format
from cbr_warehouse.storage.lock import hold_lock

QUIET_SECONDS = 5.0
"""Tables and publication of other sources are waited for this long without saying so."""

_ABANDONED_AFTER_SECONDS = 3600.0
"""Readers of other sources spill into the data directory; what is this old belongs to none of them."""


@contextmanager
def hold_source(
    context: LoadContext, source: str, what: str, *, wait: bool, keep: bool = True
) -> Iterator[None]:
    """Keeps other loads of a source out while the block runs, and removes its unfinished files.

    Of a directory in a store, it has what the store has before the block, and what the block made is
    committed after it.

    Args:
        context: The load's dependencies.
        source: Name of the source.
        what: What the block does, for those it keeps out.
        wait: Whether to wait for another load of the source instead of failing.
        keep: Whether to continue with what a killed process left of a directory in a store.

    Raises:
        LoadRunningError: Another process loads the source, and ``wait`` is false.
        FormatError: A newer version wrote the data directory.
        StorageError: The data directory cannot be written.
    """
    directory = context.directory
    upgrade_format(directory)
    with (
        hold_lock(
            directory.source_lock(source),
            what=what,
            now=context.clock(),
            wait=wait,
            report=lambda sentence: context.progress.notice(f"{source}: {sentence}"),
        ) as was_killed,
        hold_in_store(context, source, what, wait=wait, keep=keep),
    ):
        # A walk through years of folders, for which only a killed process is a reason.
        for folder in directory.source_folders(source) if was_killed else ():
            remove_unfinished(folder)
        if exists(directory.compaction_note(source)):
            with hold_directory(context, f"compaction of {source}"):
                resume_compaction(directory, source)
        yield


@contextmanager
def hold_directory(context: LoadContext, what: str) -> Iterator[None]:
    """Keeps other writers of tables and warehouse out while the block runs; waits for its turn.

    Args:
        context: The load's dependencies.
        what: What the block does, for those it keeps out.

    Raises:
        StorageError: The data directory cannot be written.
    """
    upgrade_format(context.directory)
    with hold_lock(
        context.directory.lock,
        what=what,
        now=context.clock(),
        wait=True,
        report=lambda sentence: context.progress.notice(f"{what}: {sentence}"),
        quiet_seconds=QUIET_SECONDS,
    ):
        remove_abandoned(context.directory.root, _ABANDONED_AFTER_SECONDS)
        yield


@contextmanager
def hold_publication(context: LoadContext, what: str) -> Iterator[LoadContext]:
    """Keeps other publications out while the block builds the warehouse; waits for its turn.

    Args:
        context: The load's dependencies.
        what: What the block does, for those it keeps out.

    Yields:
        The context to build it with. Of a directory in a store, its directory is another folder, which has
        what is committed of all sources; after the block the published file is in both, and in the DuckLake
        where one is configured.

    Raises:
        StorageError: The data directory cannot be written, or another host published meanwhile.
        WarehouseError: The file is published, and could not be published to the DuckLake.
    """
    own = for_publication(context)
    with hold_directory(own, what), _hold_published(own, what):
        upgrade_format(own.directory)  # a directory in a store may have lacked it until now
        bring_up_sources(own)
        yield own
        failure = publish_to_readers(own)
    bring_up_published(context)
    if failure is not None:
        raise failure


@contextmanager
def hold_everything(context: LoadContext, what: str, *, wait: bool = False) -> Iterator[None]:
    """Keeps all loads out while the block runs; for what concerns the files of every source.

    Args:
        context: The load's dependencies.
        what: What the block does, for those it keeps out.
        wait: Whether to wait for running loads instead of failing.

    Raises:
        LoadRunningError: A source is being loaded, and ``wait`` is false or it is its first load.
        StorageError: The data directory cannot be written.
    """
    directory = context.directory
    with ExitStack() as locks:
        # In the order of their names; a source on its first load has a lock before it has any raw.
        known = {*directory.sources_with_raw(), *directory.sources_with_lock(), *sources_in_store(context)}
        for source in sorted(known):
            locks.enter_context(hold_source(context, source, what, wait=wait, keep=False))
        held = set(directory.sources_with_lock())
        locks.enter_context(hold_directory(context, what))
        locks.enter_context(_hold_published(context, what, keep=False))
        # While that was waited for, a source may have begun its first load. This never waits.
        later = {*directory.sources_with_lock(), *sources_in_store(context)} - held
        for source in sorted(later):
            locks.enter_context(hold_source(context, source, what, wait=False, keep=False))
        yield
        # Before what was made of them.
        commit_sources(context, sorted(known | later))


def _hold_published(context: LoadContext, what: str, *, keep: bool = True) -> AbstractContextManager[None]:
    """Keeps other hosts from publishing into the same store; waits for its turn."""
    return hold_in_store(context, None, what, wait=True, quiet_seconds=QUIET_SECONDS, keep=keep)
