"""A load of the configured sources, side by side, and the rebuild from raw."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import current_thread

from cbr_warehouse.errors import LoadRunningError
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.locks import hold_everything, hold_source
from cbr_warehouse.load.publish import publish_as_they_finish, refuse_held_back
from cbr_warehouse.load.repair import refuse_damaged, refuse_missing
from cbr_warehouse.load.result import LoadResult, SourceResult
from cbr_warehouse.load.source_load import fail_source, load_source
from cbr_warehouse.load.unfinished_rebuild import note_rebuild, note_rebuilt
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.allocators import choose_allocators
from cbr_warehouse.storage.format_version import require_known_format
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.build import forget_tables, make_tables
from cbr_warehouse.warehouse.build import build_warehouse


@without_pandas()
def load(context: LoadContext, sources: Sequence[ReadySource], request: LoadRequest) -> LoadResult:
    """Loads sources side by side and publishes the warehouse, again for those that take longer.

    A source that fails, in whatever way, stops no other; what it delivered before its API failed is
    published too. One that another process is loading is left out, unless the request is to wait.

    Args:
        context: The load's dependencies.
        sources: The sources, each with its credentials.
        request: The options of the load.

    Returns:
        The result of each source.

    Raises:
        FormatError: A newer version wrote the data directory.
        LoadRunningError: Each of the sources is being loaded by another process.
        WarehouseError: What was built breaks a key or a reference; nothing is published.
        StorageError: The warehouse could not be written.
    """
    # Here too, so that no failure is noted in a directory that is not understood.
    require_known_format(context.directory)
    choose_allocators()
    pool = ThreadPoolExecutor(max(1, min(len(sources), context.sources_at_once)), thread_name_prefix="load")
    try:
        loads = [pool.submit(_load_exclusively, context, source, request) for source in sources]
        held_back = publish_as_they_finish(context, loads)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C ends the process at once
    results = [load.result() for load in loads]
    left_out = tuple(result for result in results if isinstance(result, LoadRunningError))
    if left_out and len(left_out) == len(results):
        raise LoadRunningError(" ".join(str(error) for error in left_out))
    loaded = (result for result in results if isinstance(result, SourceResult))
    return LoadResult(
        tuple(replace(result, held_back=held_back.get(result.entry.source)) for result in loaded), left_out
    )


@without_pandas()
def rebuild(context: LoadContext) -> None:
    """Builds tables and warehouse again from raw alone, without the API.

    Raises:
        LoadRunningError: A source is being loaded.
        StorageError: The data directory could not be written, or raw contains a damaged file
            or lacks one.
    """
    directory, progress = context.directory, context.progress
    with hold_everything(context, "rebuild"):
        sources = directory.sources_with_raw()
        refuse_damaged(directory, sources)
        refuse_missing(directory, sources)
        note_rebuild(directory)
        forget_tables(directory)
        for source in sources:
            progress.step(source, "days rebuilt", is_counted=True)
            make_tables(directory, source, context.contract, progress=progress.counter(source))
            progress.finish(source)
        note_rebuilt(directory)
        progress.step("", "warehouse published")
        refuse_held_back(build_warehouse(directory, context.contract, context.analytics, fresh=True))
        progress.finish("")


def _load_exclusively(
    context: LoadContext, ready: ReadySource, request: LoadRequest
) -> SourceResult | LoadRunningError:
    name = ready.settings.name
    current_thread().name = f"load-{name}"
    try:
        with hold_source(context, name, f"load of {name}", wait=request.wait):
            return load_source(context, ready, request)
    except LoadRunningError as error:
        return error
    except Exception as error:  # noqa: BLE001  of its lock or its folders: not of the other sources
        return fail_source(context, ready, request, error)
