"""The work on a source's days as shares, for a runner that computes them elsewhere.

A worker reads raw files and writes partitions beside their places; it gets and returns values alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cbr_warehouse.compute.runner import ShareRunner
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.storage.permissions import current_umask, restrict_new_files
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.tables.build_state import DayInputs, MovedTasks, day_inputs
from cbr_warehouse.tables.engine import open_engine
from cbr_warehouse.tables.make_days import ChosenDays, DayMaker, MadeDays, batches


@dataclass(frozen=True)
class WorkerTerms:
    """What a worker has to have and to keep, to make what the caller would.

    Attributes:
        contract: Fingerprint of the contract.
        umask: Permission bits that new files do not get.
    """

    contract: str
    umask: int

    @classmethod
    def of_caller(cls, contract: Contract) -> "WorkerTerms":
        """Those of this process."""
        return cls(contract.fingerprint, current_umask())

    def accept(self) -> Contract:
        """Has this process, a worker, keep them.

        Returns:
            The contract.

        Raises:
            StorageError: The worker has another contract.
        """
        contract = read_contract()
        if contract.fingerprint != self.contract:
            raise StorageError(
                "A worker has other schemas than the process that gave it work, so it would make other "
                "tables. Install the same version of cbr-warehouse on every worker."
            )
        restrict_new_files(self.umask)
        return contract


@dataclass(frozen=True)
class SourceDays:
    """Days of a source that a share is about, as the process that divided the work sees them.

    Attributes:
        directory: The data directory, at the same path on every worker.
        source: Name of the source.
        terms: What a worker has to have and to keep.
        inputs: Fingerprint of the raw files of each day that the share reads.
        moved: Tasks of these days that were seen under more than one day, with those days.
    """

    directory: DataDirectory
    source: str
    terms: WorkerTerms
    inputs: Mapping[str, str]
    moved: MovedTasks


@dataclass(frozen=True)
class Choice:
    """The share that chooses which days of a source to make again.

    Attributes:
        own: All days of the source.
        dirty: Days that are not what their raw files say.
        is_note_lost: Whether the note of moved tasks is damaged.
    """

    own: SourceDays
    dirty: frozenset[str]
    is_note_lost: bool


@dataclass(frozen=True)
class Batch:
    """The share that makes some days of a source.

    Attributes:
        own: These days, and those that their moved tasks were seen under as well.
        days: The days to make.
        load_id: The load whose record outcomes are returned.
    """

    own: SourceDays
    days: tuple[str, ...]
    load_id: str | None


class SharedMaker:
    """Has the days of a source made by the workers of a runner.

    Args:
        runner: The runner.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        inputs: Raw files of every day of the source.
        moved: The tasks seen under more than one day.
    """

    def __init__(
        self,
        runner: ShareRunner,
        directory: DataDirectory,
        source: str,
        contract: Contract,
        inputs: Mapping[str, DayInputs],
        moved: MovedTasks,
    ) -> None:
        self._runner = runner
        self._directory = directory
        self._source = source
        self._terms = WorkerTerms.of_caller(contract)
        self._inputs = inputs
        self._moved = moved

    def choose(self, dirty: set[str], *, is_note_lost: bool) -> ChosenDays:
        """As of ``DayMaker``, by one worker."""
        own = self._days(self._inputs, self._moved)
        (chosen,) = self._runner.run(choose_days, [Choice(own, frozenset(dirty), is_note_lost)])
        return chosen

    def make(self, chosen: ChosenDays, load_id: str | None) -> Iterator[MadeDays]:
        """As of ``DayMaker``, a batch a share."""
        shares = []
        for batch in batches([self._inputs[day] for day in chosen.days]):
            days = {found.day for found in batch}
            moved = MovedTasks(chosen.moved.touching(days))
            read = days.union([UNKNOWN_DAY], *moved.days_of.values()) & self._inputs.keys()
            own = self._days(read, moved)
            shares.append(Batch(own, tuple(found.day for found in batch), load_id))
        return self._runner.run(make_days, shares)

    def _days(self, days: Mapping[str, DayInputs] | set[str], moved: MovedTasks) -> SourceDays:
        fingerprints = {day: self._inputs[day].seen_fingerprint for day in sorted(days)}
        return SourceDays(self._directory, self._source, self._terms, fingerprints, moved)


@without_pandas()
def choose_days(share: Choice) -> ChosenDays:
    """Chooses the days of a source to make again; on a worker.

    Raises:
        StorageError: A file cannot be read, or the worker sees other files than the driver.
    """
    with _open_maker(share.own) as maker:
        return maker.choose(share.dirty, is_note_lost=share.is_note_lost)


@without_pandas()
def make_days(share: Batch) -> MadeDays:
    """Makes some days of a source, beside their places; on a worker.

    Raises:
        StorageError: A file cannot be read or written, or the worker sees other files than the driver.
        ConservationError: Some records would be lost on their way.
    """
    with _open_maker(share.own) as maker:
        return maker.make_batch(share.days, share.load_id)


@contextmanager
def _open_maker(own: SourceDays) -> Iterator[DayMaker]:
    contract = own.terms.accept()
    inputs = {day: day_inputs(own.directory, own.source, day, contract) for day in own.inputs}
    for day, seen in own.inputs.items():
        if inputs[day].seen_fingerprint != seen:
            raise StorageError(
                f"A worker sees other raw files of {own.source}, day {day}, than the process that gave it "
                f"work. {own.directory.root} must be the same folder on every worker, without a cache that "
                "hides new files; then run the command again."
            )
    with as_storage_error(own.directory.root), open_engine(own.directory.root, 1) as engine:
        yield DayMaker(engine, own.directory, own.source, contract, inputs, own.moved)
