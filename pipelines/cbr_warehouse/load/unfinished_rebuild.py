"""A rebuild that was killed after it had removed tables: the next publication makes them first.

Without that, a load of one source would publish a warehouse that lacks all others, where the
published one is damaged and has to be built again from the tables.
"""

import logging

from cbr_warehouse.errors import LoadRunningError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_directory, hold_source
from cbr_warehouse.storage.atomic_write import remove_file, write_json
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables

logger = logging.getLogger(__name__)


def note_rebuild(directory: DataDirectory) -> None:
    """Notes that a rebuild is about to remove the tables of all sources.

    Raises:
        StorageError: The note could not be written.
    """
    write_json(directory.rebuild_note, {})


def note_rebuilt(directory: DataDirectory) -> None:
    """Notes that the tables of all sources are made again.

    Raises:
        StorageError: The note could not be removed.
    """
    remove_file(directory.rebuild_note)


def finish_rebuild(context: LoadContext) -> None:
    """Makes the tables of all sources if a rebuild was killed before it had.

    Those of a source that is being loaded are left to its load. The caller holds no lock of the
    directory; it may hold that of a source whose tables it has made.

    Args:
        context: The load's dependencies.
    """
    directory = context.directory
    if not exists(directory.rebuild_note):
        return
    is_finished = True
    for source in directory.sources_with_raw():
        what = f"tables of {source}"
        try:
            with hold_source(context, source, what, wait=False), hold_directory(context, what):
                make_tables(directory, source, context.contract, runner=context.runner)
        except LoadRunningError:
            is_finished = False
        except Exception as error:  # noqa: BLE001  one source's tables must not keep others unpublished
            logger.warning("%s: its tables could not be made again after a rebuild (%s)", source, error)
            is_finished = False
    if is_finished:
        note_rebuilt(directory)
