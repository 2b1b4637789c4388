"""Carries out a plan's sweeps: asks, lands what comes, notes each sweep that came home whole."""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from threading import Event, Lock

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError
from cbr_warehouse.extract.counters import LoadCounters, SweepCounters
from cbr_warehouse.extract.pagination import REFUSED, PageSize, Paginator
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.window_split import split_dense
from cbr_warehouse.raw.files import Received
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import SweepEntry, write_sweep
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)

WORKERS = 4
"""Sweeps under way at once; how many requests that makes is the client's budget."""

LANDED_PAGES = 2
"""Pages held in memory before they land."""


@dataclass
class SweepRunner:
    """One load's asking of one source.

    Attributes:
        client: The source's client.
        landing: Where records go.
        directory: The data directory.
        source: Name of the source.
        load_id: The load.
        clock: Tells the time, as the source has it.
        scopes: Each query is asked once within each of them; the first has no filter or one by project.
        tally: What came so far.
        page_size: How many rows are asked for at once.
    """

    client: CbrClient
    landing: Landing
    directory: DataDirectory
    source: str
    load_id: str
    clock: SourceClock
    scopes: tuple[TaskQuery, ...] = (TaskQuery(),)
    tally: LoadCounters = field(default_factory=LoadCounters)
    page_size: PageSize = field(default_factory=PageSize)
    _may_split: bool = True
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
        except BaseException as error:
            self._stop.set()  # the others end with the page they are at
            # Ctrl-C ends the process at once; else none may land anything once the lock is let go.
            pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
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
        counts = [self._list(one, 1, 0).count for one in self.within(query)]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def within(self, query: TaskQuery) -> list[TaskQuery]:
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

    def list_page(self, query: TaskQuery, limit: int, offset: int) -> Page:
        """One page, in a smaller size where the source refuses so large a limit."""
        return self.page_size.ask(lambda size: self._list(query, size, offset), most=limit)

    def _list(self, query: TaskQuery, limit: int, offset: int) -> Page:
        page = self.client.list_tasks(query, limit=limit, offset=offset)
        self.clock.observe(page)
        return page

    def _show(self, task_id: str) -> Page | None:
        """One task, or None where the source refuses to say: no reason to give up on all others."""
        try:
            return self.client.show_task(task_id)
        except (PermanentSourceError, ForbiddenError) as error:
            logger.warning("%s", error)
            return None

    def _sweep(self, number: int, sweep: Sweep, progress: Callable[[int], None]) -> None:
        bringing = SweepCounters(number, progress)
        try:
            for query in self.within(sweep.query):
                self._read(query, bringing)
        except PermanentSourceError as error:
            if error.status != REFUSED or not sweep.may_be_refused:
                raise
            logger.warning("%s The load goes on without it.", error)
            return
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
                pages=bringing.pages,
                records=bringing.records,
                finished_at=self.clock.now(),
            ),
        )

    def _read(self, query: TaskQuery, bringing: SweepCounters) -> set[bytes | str]:
        """Walks a query, or the parts of a dense one; gives what tells the rows received apart."""
        walk = Paginator(partial(self.list_page, query))
        pages = walk.pages()
        first = next(pages, None)
        if first is None:
            return walk.seen
        parts = split_dense(first, self.clock.now()) if self._may_split else ()
        if parts and not self._is_narrower(parts[0], first.count):
            parts = ()
        self._land_pages([first] if parts else chain([first], pages), bringing)
        if parts:
            walk.seen |= self._read_parts(parts, bringing)
            if len(walk.seen) < (first.count or 0) and not self._stop.is_set():
                # The parts leave something out, or the count means something else: the long way.
                logger.info("%s: parts of a window brought less than was counted", self.source)
                self._may_split = False
                self._land_pages(pages, bringing)
        return walk.seen

    def _is_narrower(self, part: TaskQuery, whole: int | None) -> bool:
        """Whether a window's earlier end leaves something out: else each part would be the whole again."""
        count = self._list(part, 1, 0).count
        return count is not None and whole is not None and count < whole

    def _read_parts(self, parts: Iterable[TaskQuery], bringing: SweepCounters) -> set[bytes | str]:
        """Walks the parts of a window, several at once; gives what tells all their rows apart."""
        seen: set[bytes | str] = set()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix=f"part-{self.source}") as pool:
            walks = [(SweepCounters(self._number(), bringing.progress), part) for part in parts]
            futures = [pool.submit(self._read, part, own) for own, part in walks]
            try:
                for future in as_completed(futures):
                    seen |= future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for own, _ in walks:
            bringing.pages += own.pages
            bringing.records += own.records
        return seen

    def _land_pages(self, pages: Iterable[Page], bringing: SweepCounters) -> None:
        for batch in _in_batches(pages, LANDED_PAGES):
            numbered = list(enumerate(batch, bringing.landed))
            self._land(bringing.number, numbered)
            bringing.add(batch)
            if self._stop.is_set():
                return

    def _land(self, number: int, pages: list[tuple[int, Page]]) -> None:
        received = (
            Received(record, number, page_number, position, self.clock.correct(page.fetched_at))
            for page_number, page in pages
            for position, record in enumerate(page.records)
        )
        self.tally.add(self.landing.land(received))

    def _number(self) -> int:
        with self._lock:
            self._sweeps += 1
            return self._sweeps


def _in_batches(pages: Iterable[Page], size: int) -> Iterator[list[Page]]:
    left = iter(pages)
    while batch := list(islice(left, size)):
        yield batch
