"""A load of the configured sources, side by side, and the rebuild from raw."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import current_thread

from cbr_warehouse.compute.runner import IN_PROCESS, Always
from cbr_warehouse.errors import LoadRunningError
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.locks import hold_everything, hold_source
from cbr_warehouse.load.publish import publish_as_they_finish, refuse_held_back
from cbr_warehouse.load.repair import refuse_damaged, refuse_missing
from cbr_warehouse.load.result import LoadResult, SourceResult
from cbr_warehouse.load.serve import prepare_lake, publish_to_readers
from cbr_warehouse.load.source_load import fail_source, load_source
from cbr_warehouse.load.unfinished_rebuild import note_rebuild, note_rebuilt
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.allocators import choose_allocators
from cbr_warehouse.storage.files import total_bytes
from cbr_warehouse.storage.format_version import require_known_format
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.build import forget_tables, make_tables
from cbr_warehouse.tables.engine import keep_engines
from cbr_warehouse.warehouse.build import build_warehouse


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
        UsageError: What the configured engine needs is not installed.
    """
    context.runner.prepare()
    prepare_lake(context)
    try:
        with keep_engines(context.directory.root):
            return _load(context, sources, request)
    finally:
        context.runner.close()


@without_pandas()
def _load(context: LoadContext, sources: Sequence[ReadySource], request: LoadRequest) -> LoadResult:
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


def rebuild(context: LoadContext) -> None:
    """Builds tables and warehouse again from raw alone, without the API.

    Raises:
        LoadRunningError: A source is being loaded.
        StorageError: The data directory could not be written, or raw contains a damaged file
            or lacks one.
        UsageError: What the configured engine needs is not installed.
        ComputeError: The cluster of the configured engine cannot be used; nothing is removed.
    """
    context.runner.prepare()
    prepare_lake(context)
    try:
        _rebuild(context)
    finally:
        context.runner.close()


@without_pandas()
def _rebuild(context: LoadContext) -> None:
    directory, progress = context.directory, context.progress
    with hold_everything(context, "rebuild"):
        sources = directory.sources_with_raw()
        is_shared = context.runner.distributes(partial(_record_bytes, directory, sources))
        if is_shared:
            context.runner.start()  # before anything is removed
        runner = Always(context.runner) if is_shared else IN_PROCESS
        refuse_damaged(directory, sources, runner)
        refuse_missing(directory, sources, runner)
        note_rebuild(directory)
        forget_tables(directory)
        make = partial(_make_again, replace(context, runner=runner))
        if is_shared:
            with ThreadPoolExecutor(context.sources_at_once, thread_name_prefix="rebuild") as pool:
                for made in [pool.submit(make, source) for source in sources]:
                    made.result()
        else:
            for source in sources:
                make(source)
        note_rebuilt(directory)
        progress.step("", "warehouse published")
        refuse_held_back(
            build_warehouse(directory, context.contract, context.analytics, fresh=True, runner=runner)
        )
        failure = publish_to_readers(context)
        progress.finish("")
    if failure is not None:
        raise failure


def _make_again(context: LoadContext, source: str) -> None:
    """Makes all tables of a source, whose lock the caller holds."""
    progress = context.progress
    progress.step(source, "days rebuilt", is_counted=True)
    make_tables(
        context.directory, source, context.contract, progress=progress.counter(source), runner=context.runner
    )
    progress.finish(source)


def _record_bytes(directory: DataDirectory, sources: Sequence[str]) -> int:
    """Bytes of the record files of some sources, as they are on the disk."""
    return total_bytes(
        path
        for source in sources
        for day in directory.raw_days(source)
        for path in raw_files(directory.raw_day("records", source, day))
    )


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
