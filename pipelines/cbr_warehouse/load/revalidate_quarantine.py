"""Validates quarantined records again after the contract was widened, from raw, without the API."""

from collections.abc import Iterator
from dataclasses import dataclass

from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_everything
from cbr_warehouse.load.publish import refuse_held_back
from cbr_warehouse.load.repair import refuse_damaged
from cbr_warehouse.load.serve import publish_to_readers
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.stored_records import undated_records
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.stored_tasks import count_quarantined
from cbr_warehouse.warehouse.build import build_warehouse


@dataclass(frozen=True)
class Requeued:
    """The result for one source.

    Attributes:
        source: Name of the source.
        before: Quarantined records whose task was stored in no version.
        after: How many of them still are quarantined.
    """

    source: str
    before: int
    after: int

    @property
    def resolved(self) -> int:
        """Records that are valid now."""
        return self.before - self.after


@without_pandas()
def requeue(context: LoadContext) -> list[Requeued]:
    """Validates every quarantined record by the present contract and publishes those that are valid now.

    Args:
        context: The dependencies of a load; no source's API is called.

    Returns:
        The result for each source that has raw files.

    Raises:
        LoadRunningError: A source is being loaded.
        StorageError: The data directory could not be written, or raw contains a damaged file.
    """
    directory = context.directory
    with hold_everything(context, "quarantine requeue"):
        refuse_damaged(directory, directory.sources_with_raw())
        found = list(_requeue_all(context))
        context.progress.step("", "warehouse published")
        refuse_held_back(build_warehouse(directory, context.contract, context.analytics))
        failure = publish_to_readers(context)
        context.progress.finish("")
    if failure is not None:
        raise failure
    return found


def _requeue_all(context: LoadContext) -> Iterator[Requeued]:
    for source in context.directory.sources_with_raw():
        context.progress.step(source, "days rebuilt", is_counted=True)
        before = count_quarantined(context.directory, source)
        _file_under_their_day(context, source)
        make_tables(context.directory, source, context.contract, progress=context.progress.counter(source))
        context.progress.finish(source)
        yield Requeued(source, before, count_quarantined(context.directory, source))


def _file_under_their_day(context: LoadContext, source: str) -> None:
    """Files records under their day whose created_at was unreadable before; the first copy stays."""
    validator = RecordValidator(context.contract)
    landing = Landing(
        context.directory,
        source,
        f"{context.clock():%Y%m%dT%H%M%S%fZ}-requeue",
        validator=validator,
        contract=context.contract.fingerprint,
    )
    for page in undated_records(context.directory, source):
        (record,) = page.records
        validation = validator.check(record, page.fetched_at)
        if validation.reason is None and validation.day is not None:
            landing.land(page)
    landing.flush()
