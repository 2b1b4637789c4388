"""Damaged partitions of a source, made again from raw by whoever holds the source's lock."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from cbr_warehouse.errors import StorageError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_directory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.partition_files import mend

T = TypeVar("T")


def mend_days(context: LoadContext, source: str, days: Iterable[str]) -> bool:
    """Makes days again whose partition files are missing or damaged.

    Args:
        context: The load's dependencies; the caller holds the source and the data directory.
        source: Name of the source.
        days: The days whose files are read, each ``YYYY-MM-DD`` or ``unknown``.

    Returns:
        Whether any day was made again.

    Raises:
        StorageError: A file could not be read or written.
    """
    marked = mend(context.directory, source, days)
    return bool(marked and make_tables(context.directory, source, context.contract).days)


def mend_tables(context: LoadContext, source: str) -> bool:
    """Does the same for all days of a source, whose lock the caller holds."""
    with hold_directory(context, f"tables of {source}"):
        return mend_days(context, source, context.directory.days(source))


def with_sound_tables(
    context: LoadContext, source: str, step: Callable[[], T], make: Callable[[], object]
) -> T:
    """Does a step that reads tables, again where it failed because of partitions that could be mended.

    Args:
        context: The load's dependencies; the caller holds the source.
        source: Name of the source.
        step: What to do; it can be repeated.
        make: Makes the tables as the load does, which accounts for the records that it landed meanwhile.

    Raises:
        StorageError: It failed, and nothing could be mended.
    """
    try:
        return step()
    except StorageError:
        with hold_directory(context, f"tables of {source}"):
            marked = mend(context.directory, source, context.directory.days(source))
        if not marked:
            raise
        make()
        return step()
