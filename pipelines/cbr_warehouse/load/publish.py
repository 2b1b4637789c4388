"""When a load publishes the warehouse: as soon as a source is done, again for those that take longer.

Partitions found damaged are made again from raw, and published.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait

from cbr_warehouse.errors import CbrWarehouseError, LoadRunningError, StorageError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_publication, hold_source
from cbr_warehouse.load.mend_tables import mend_days
from cbr_warehouse.load.result import SourceResult
from cbr_warehouse.load.unfinished_rebuild import finish_rebuild
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.update import Publication

logger = logging.getLogger(__name__)

SOON_SECONDS = 10.0
"""A finished source is published this soon at the latest, with all that finish meanwhile."""

RETRY_SECONDS = 60.0
"""When a failed publication is tried again while other sources are still being loaded."""


def publish_warehouse(context: LoadContext, *, still_loading: int = 0) -> Mapping[str, str]:
    """Builds the warehouse from the tables of all sources and publishes it.

    Args:
        context: The load's dependencies.
        still_loading: How many sources of this load are not in it yet.

    Returns:
        Why rows of a source stay as they were published, by source.

    Raises:
        WarehouseError: What was built breaks a key or a reference; nothing is published.
        StorageError: The file could not be written; the published one is unchanged.
    """
    rest = f", {still_loading} still loading" if still_loading else ""
    context.progress.step("", f"warehouse published{rest}")
    try:
        finish_rebuild(context)
        with hold_publication(context, "publication") as own:
            publication = build_and_mend(own)
    except BaseException:
        context.progress.fail("")
        raise
    context.progress.finish("")
    return publication.held_back


def build_and_mend(context: LoadContext) -> Publication:
    """Builds and publishes the warehouse, again where damaged partitions could be made again from raw.

    Args:
        context: What :func:`~cbr_warehouse.load.locks.hold_publication` gave the caller.

    Raises:
        WarehouseError: What was built breaks a key or a reference; nothing is published.
        StorageError: The file could not be written; the published one is unchanged.
    """
    publication = build_warehouse(
        context.directory,
        context.contract,
        context.analytics,
        at_least_every=context.publish_unchanged,
        runner=context.runner,
    )
    mended = [_make_again(context, source, days) for source, days in publication.broken.items()]
    if not any(mended):
        return publication
    return build_warehouse(context.directory, context.contract, context.analytics)


def refuse_held_back(publication: Publication) -> None:
    """Fails if a source could not be published as its tables and ledgers are.

    Raises:
        StorageError: Some rows stay as they were published.
    """
    if publication.held_back:
        raise StorageError(" ".join(f"{source}: {why}" for source, why in publication.held_back.items()))


def _make_again(context: LoadContext, source: str, days: Iterable[str]) -> bool:
    """Makes damaged days of a source again, unless it is being loaded: then its load does."""
    try:
        # Never waits: whoever needs both locks takes the sources' first.
        with hold_source(context, source, f"tables of {source}", wait=False):
            return mend_days(context, source, days)
    except CbrWarehouseError as error:
        logger.warning("%s: its damaged days could not be made again. %s", source, error)
        return False


def publish_as_they_finish(
    context: LoadContext,
    loads: Iterable["Future[SourceResult | LoadRunningError]"],
    monotonic: Callable[[], float] = time.monotonic,
) -> Mapping[str, str]:
    """Publishes sources as their loads finish, until all have.

    Args:
        context: The load's dependencies.
        loads: The running loads.
        monotonic: Seconds that never run backwards.

    Returns:
        Why rows of a source stay as they were published, by source.

    Raises:
        CbrWarehouseError: The last publication failed.
    """
    running = set(loads)
    held_back: Mapping[str, str] = {}
    has_news = is_worth_it = False
    due: float | None = None
    pause = SOON_SECONDS
    while running:
        timeout = None if due is None else max(0.0, due - monotonic())
        finished, running = wait(running, timeout, FIRST_COMPLETED)
        results = [result for load in finished if isinstance(result := load.result(), SourceResult)]
        has_news = has_news or bool(results)
        is_worth_it = is_worth_it or any(result.is_publishable for result in results)
        if due is None and has_news and is_worth_it:
            due = monotonic() + pause
        if due is None or (running and monotonic() < due):
            continue
        began = monotonic()
        try:
            held_back = publish_warehouse(context, still_loading=len(running))
            has_news, due = False, None
        except Exception as error:  # whatever it is, the sources that still load are not dropped for it
            if not running:
                raise
            logger.warning("%s Publication is tried again.", error)
            due = began + RETRY_SECONDS
        # Where publishing takes long, no more than half of the time is spent with it.
        pause = max(SOON_SECONDS, monotonic() - began)
    return held_back
