"""Another try for what could not be taken in, after the contract was widened: from raw, without the API."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.exclusive import hold_everything
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.load.repair import refuse_damaged
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.stored_records import undated_records
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.tables.queries import count_quarantined
from cbr_warehouse.warehouse.build import build_warehouse


@dataclass(frozen=True)
class Requeued:
    """What came of a source's quarantine.

    Attributes:
        source: Name of the source.
        before: Records in quarantine whose task was not held.
        after: Of them those that still are.
    """

    source: str
    before: int
    after: int

    @property
    def taken_in(self) -> int:
        """Records that are held now."""
        return self.before - self.after


def requeue(loading: LoadContext) -> list[Requeued]:
    """Judges every record in quarantine by today's contract, and publishes what is sound now.

    Args:
        loading: What to work with; nothing is asked of any source.

    Returns:
        What came of each source that has raw files.

    Raises:
        LoadRunningError: A load holds the data directory.
        StorageError: The data directory could not be written, or raw holds a damaged file.
    """
    directory = loading.directory
    with hold_everything(loading, "quarantine requeue"):
        refuse_damaged(directory, directory.sources_with_raw())
        found = list(_requeue_all(loading))
        loading.progress.step("", "warehouse published")
        build_warehouse(directory, loading.contract, loading.analytics)
        loading.progress.finish("")
    return found


def _requeue_all(loading: LoadContext) -> Iterator[Requeued]:
    for source in loading.directory.sources_with_raw():
        loading.progress.step(source, "days rebuilt", is_counted=True)
        before = count_quarantined(loading.directory, source)
        _file_under_their_day(loading, source)
        make_tables(
            loading.directory, source, loading.contract, progress=partial(_advance, loading.progress, source)
        )
        loading.progress.finish(source)
        yield Requeued(source, before, count_quarantined(loading.directory, source))


def _advance(progress: Progress, source: str, _done: int, _all: int) -> None:
    progress.advance(source)


def _file_under_their_day(loading: LoadContext, source: str) -> None:
    """Files records again whose created_at no contract could read before; the first copy stays."""
    door = RecordValidator(loading.contract)
    landing = Landing(
        loading.directory,
        source,
        f"{loading.clock():%Y%m%dT%H%M%S%fZ}-requeue",
        validator=door,
        contract=loading.contract.fingerprint,
    )
    sound = []
    for record in undated_records(loading.directory, source):
        verdict = door.check(record.record, record.fetched_at)
        if verdict.reason is None and verdict.day is not None:
            sound.append(record)
    if sound:
        landing.land(sound)
