"""Carries out a plan's sweeps: asks, lands what comes, notes each sweep that came home whole."""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import Event, Lock

from pipelines.errors import CbrWarehouseError, PermanentSourceError
from pipelines.extract.days import day_of
from pipelines.extract.plan import Sweep
from pipelines.extract.walk import Walk
from pipelines.raw.files import Received
from pipelines.raw.landing import Landed, Landing
from pipelines.raw.ledgers import SweepEntry, write_sweep
from pipelines.source.client import CbrClient
from pipelines.source.page import Page
from pipelines.source.query import TaskQuery
from pipelines.storage.layout import DataDirectory

logger = logging.getLogger(__name__)

WORKERS = 4
"""Sweeps under way at once; how many requests that makes is the client's budget."""

SAMPLE_SIZE = 100
"""Tasks of a provider looked at, to see whether unfiltered lists have them."""

LANDED_PAGES = 2
"""Pages held in memory before they land."""


@dataclass
class Tally:
    """What a load has received so far. Safe to share between threads.

    Attributes:
        records: Records received.
        repeats: Of those, texts held already.
        quarantined: Of the others, those that break the contract.
        days: Days that got files.
    """

    records: int = 0
    repeats: int = 0
    quarantined: int = 0
    days: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def add(self, landed: Landed) -> None:
        """Adds what one batch came to."""
        with self._lock:
            self.records += landed.received
            self.repeats += landed.repeats
            self.quarantined += landed.quarantined
            self.days |= landed.days


@dataclass
class Gathering:
    """One load's asking of one source.

    Attributes:
        client: The source's client.
        landing: Where records go.
        directory: The data directory.
        source: Name of the source.
        load_id: The load.
        clock: Tells the time, UTC.
        scopes: Each query is asked once within each of them; the first has no filter or one by project.
        tally: What came so far.
    """

    client: CbrClient
    landing: Landing
    directory: DataDirectory
    source: str
    load_id: str
    clock: Callable[[], datetime]
    scopes: tuple[TaskQuery, ...] = (TaskQuery(),)
    tally: Tally = field(default_factory=Tally)
    _sweeps: int = 0
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def sweep_all(self, sweeps: Iterable[Sweep], progress: Callable[[int], None] = lambda _n: None) -> None:
        """Carries out sweeps, several at once; each lands whole or is asked for again.

        Args:
            sweeps: What to ask for.
            progress: Called with the records each page brought.

        Raises:
            SourceError: The source failed; what landed stays.
            StorageError: Raw could not be written.
        """
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"sweep-{self.source}")
        futures = [pool.submit(self._sweep, self._number(), sweep, progress) for sweep in sweeps]
        try:
            for future in as_completed(futures):
                future.result()
        except CbrWarehouseError:
            self._stop.set()  # the others end with the page they are at
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def show_all(self, task_ids: Iterable[str]) -> list[str]:
        """Asks for tasks by id.

        Args:
            task_ids: The tasks.

        Returns:
            Those that the source no longer knows (404).

        Raises:
            SourceError: The source failed.
        """
        wanted = list(task_ids)
        if not wanted:
            return []
        number = self._number()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix=f"show-{self.source}") as pool:
            answers = list(pool.map(self._show, wanted))
        self._land(number, [(index, page) for index, page in enumerate(answers) if page is not None])
        return [
            task_id
            for task_id, page in zip(wanted, answers, strict=True)
            if page is not None and not page.records
        ]

    def count(self, query: TaskQuery) -> int | None:
        """Asks how many tasks a query matches; one row is received and thrown away.

        Returns:
            The source's ``count``, None where it gives none.
        """
        counts = [self.client.list_tasks(one, limit=1, offset=0).count for one in self._within(query)]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def sample(self, provider_id: str, since: datetime) -> list[str]:
        """Ids of some tasks of a provider, created since an instant; they are not landed."""
        query = TaskQuery(start_time=since, provider_id=provider_id)
        found = []
        for one in self._within(query):
            for record in self.client.list_tasks(one, limit=SAMPLE_SIZE, offset=0).records:
                verdict = self.landing.door.check(record, self.clock())
                if verdict.task_id and verdict.day and verdict.day > day_of(since):
                    found.append(verdict.task_id)
        return found

    def _within(self, query: TaskQuery) -> list[TaskQuery]:
        """The query within each scope; one that names a provider needs no scope of a provider."""
        scopes = [scope for scope in self.scopes if query.provider_id is None or scope.provider_id is None]
        return [
            replace(
                query,
                enterprise_project_id=scope.enterprise_project_id,
                provider_id=query.provider_id or scope.provider_id,
            )
            for scope in scopes
        ]

    def _pages(self, query: TaskQuery) -> Iterator[Page]:
        for one in self._within(query):
            yield from Walk(partial(self._list_page, one)).pages()

    def _list_page(self, query: TaskQuery, limit: int, offset: int) -> Page:
        return self.client.list_tasks(query, limit=limit, offset=offset)

    def _show(self, task_id: str) -> Page | None:
        """One task, or None where the source refuses to say: no reason to give up on all others."""
        try:
            return self.client.show_task(task_id)
        except PermanentSourceError as error:
            logger.warning("%s", error)
            return None

    def _sweep(self, number: int, sweep: Sweep, progress: Callable[[int], None]) -> None:
        pages = records = 0
        for batch in _in_batches(self._pages(sweep.query)):
            self._land(number, batch)
            pages += len(batch)
            brought = sum(len(page.records) for _, page in batch)
            records += brought
            progress(brought)
            if self._stop.is_set():
                return
        write_sweep(
            self.directory,
            self.source,
            SweepEntry(
                load_id=self.load_id,
                sweep=number,
                reason=sweep.reason,
                start=sweep.query.start_time,
                end=sweep.query.end_time,
                pages=pages,
                records=records,
                finished_at=self.clock(),
            ),
        )

    def _land(self, number: int, pages: list[tuple[int, Page]]) -> None:
        received = (
            Received(record, number, page_number, position, page.fetched_at)
            for page_number, page in pages
            for position, record in enumerate(page.records)
        )
        self.tally.add(self.landing.land(received))

    def _number(self) -> int:
        with self._lock:
            self._sweeps += 1
            return self._sweeps


def _in_batches(pages: Iterator[Page]) -> Iterator[list[tuple[int, Page]]]:
    batch: list[tuple[int, Page]] = []
    for numbered in enumerate(pages):
        batch.append(numbered)
        if len(batch) == LANDED_PAGES:
            yield batch
            batch = []
    if batch:
        yield batch
