"""Runs sweeps: requests their pages, lands the records, and notes each sweep that was read to its end.

Which sweeps, and why, is decided by ``plan``; how one query is paginated, by ``pagination``.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from threading import Event, Lock

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError
from cbr_warehouse.extract.counters import LoadCounters, SweepCounters
from cbr_warehouse.extract.pagination import REFUSED, PageSize, Paginator
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.window_split import Split, is_dense, own_windows, split_dense
from cbr_warehouse.json_log import add_log_ids, log_ids
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import SweepEntry, write_sweep
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)

WORKERS = 4
"""Sweeps that run in parallel. The rate limit of requests is the client's."""


@dataclass
class SweepRunner:
    """Makes the requests of one load to one source and lands the records.

    Attributes:
        client: The source's client.
        landing: Writes received records to raw.
        directory: The data directory.
        source: Name of the source.
        load_id: Id of the load.
        clock: The present by the source's clock.
        scopes: Each query is repeated in each of them; the first has no filter, or one by project.
        counters: Records received so far.
        page_size: The limit per request, shared by all sweeps.
    """

    client: CbrClient
    landing: Landing
    directory: DataDirectory
    source: str
    load_id: str
    clock: SourceClock
    scopes: tuple[TaskQuery, ...] = (TaskQuery(),)
    counters: LoadCounters = field(default_factory=LoadCounters)
    page_size: PageSize = field(default_factory=PageSize)
    _may_split: bool = True
    _own_windows: dict[Sweep, TaskQuery] = field(default_factory=dict)
    _sweeps: int = 0
    _finished: list[tuple[int, SweepEntry]] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def sweep_all(
        self,
        sweeps: Iterable[Sweep],
        progress: Callable[[int], None] = lambda _n: None,
        *,
        are_neighbours: bool = False,
    ) -> None:
        """Runs sweeps in parallel; what they receive is on the disk afterwards.

        Only a sweep that was read to its end is noted, once its records are on the disk; the next load
        repeats the others.

        Args:
            sweeps: The sweeps, started in this order.
            progress: Called with the number of records of each page.
            are_neighbours: Whether a dense window may leave to the next one what both of them cover.

        Raises:
            SourceError: The source failed; records that were landed before stay.
            StorageError: Raw could not be written.
        """
        sweeps = list(sweeps)
        self._own_windows = own_windows(sweeps) if are_neighbours else {}
        pool = _pool(f"sweep-{self.source}")
        futures = [pool.submit(self._sweep, self._next_number(), sweep, progress) for sweep in sweeps]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException as error:
            self._stop.set()  # the other threads end after their current page
            # Wait for them: none may land records once the caller has released the lock of the source.
            # Not after Ctrl-C, which ends the process at once.
            pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
            if isinstance(error, Exception):
                self._flush()  # what was received before stays
            raise
        pool.shutdown()
        self._flush()

    def show_all(self, task_ids: Iterable[str]) -> list[str]:
        """Requests tasks by id and lands them.

        Args:
            task_ids: Ids of the tasks.

        Returns:
            Ids that the source does not know (404).

        Raises:
            SourceError: The source failed.
        """
        requested = list(task_ids)
        if not requested:
            return []
        number = self._next_number()
        with _pool(f"show-{self.source}") as pool:
            pages = list(pool.map(self._show, requested))
        for index, page in enumerate(pages):
            if page is not None:
                self._land(number, index, page)
        self._flush()
        return [
            task_id
            for task_id, page in zip(requested, pages, strict=True)
            if page is not None and not page.records
        ]

    def count(self, query: TaskQuery) -> int | None:
        """Requests the number of tasks that match a query, in all scopes. The one row received is dropped.

        Returns:
            The sum of the source's ``count``; None if any response lacks it.
        """
        counts = [self._list(scoped, 1, 0).count for scoped in self.within(query)]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def within(self, query: TaskQuery) -> list[TaskQuery]:
        """The query in each scope; one that filters by provider is not repeated in scopes that do, too."""
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
        """One page, with a smaller limit if the source rejects this one."""
        return self.page_size.ask(lambda size: self._list(query, size, offset), most=limit)

    def _list(self, query: TaskQuery, limit: int, offset: int) -> Page:
        page = self.client.list_tasks(query, limit=limit, offset=offset)
        self.clock.observe(page)
        return page

    def _show(self, task_id: str) -> Page | None:
        """One task, or None if the source rejects the request: the other tasks may still be available."""
        try:
            return self.client.show_task(task_id)
        except (PermanentSourceError, ForbiddenError) as error:
            logger.warning("%s", error)
            return None

    def _sweep(self, number: int, sweep: Sweep, progress: Callable[[int], None]) -> None:
        sweep_counters = SweepCounters(number, progress)
        try:
            own = self._own_windows.get(sweep, sweep.query)
            for query in self.within(sweep.query):
                window = replace(query, start_time=own.start_time, end_time=own.end_time)
                self._read(query, sweep_counters, window)
        except PermanentSourceError as error:
            if error.status != REFUSED or not sweep.may_be_refused:
                raise
            logger.warning("%s The load goes on without it.", error)
            return
        if self._stop.is_set():
            return
        entry = SweepEntry(
            load_id=self.load_id,
            sweep=number,
            reason=sweep.reason,
            start=sweep.query.start_time,
            end=sweep.query.end_time,
            pages=sweep_counters.pages,
            records=sweep_counters.records,
            finished_at=self.clock.now(),
        )
        mark = self.landing.mark
        with self._lock:
            self._finished.append((mark, entry))
        self._note_landed()

    def _read(
        self, query: TaskQuery, sweep_counters: SweepCounters, window: TaskQuery | None = None
    ) -> set[bytes | str]:
        """Reads a query, or the parts of a dense window; returns the ids of the rows received.

        Args:
            query: The query.
            sweep_counters: Counts what is received.
            window: What of the query's window no other sweep reads, if it is dense; None for all of it.
        """
        paginator = Paginator(partial(self.list_page, query))
        pages = paginator.pages()
        first = next(pages, None)
        if first is None:
            return paginator.seen
        split = self._split(first, window or query)
        if split is None:
            self._land_pages(chain([first], pages), sweep_counters)
            return paginator.seen
        self._land_pages([first], sweep_counters)
        seen = self._read_parts(split.parts, sweep_counters)
        paginator.seen |= seen
        if len(seen) < split.count and not self._stop.is_set():
            # The parts miss rows, or ``count`` is not the number of rows: read the window as a whole.
            logger.info("%s: the parts of a window had fewer rows than its count", self.source)
            self._may_split = False
            self._land_pages(pages, sweep_counters)
        return paginator.seen

    def _split(self, first: Page, window: TaskQuery) -> Split | None:
        if not self._may_split or not is_dense(first):
            return None
        return split_dense(first, window, self.clock.now(), lambda part: self._list(part, 1, 0).count)

    def _read_parts(self, parts: Iterable[TaskQuery], sweep_counters: SweepCounters) -> set[bytes | str]:
        """Reads the parts of a window in parallel; returns the ids of all rows received."""
        seen: set[bytes | str] = set()
        with _pool(f"part-{self.source}") as pool:
            reads = [(SweepCounters(self._next_number(), sweep_counters.progress), part) for part in parts]
            futures = [pool.submit(self._read, part, part_counters) for part_counters, part in reads]
            try:
                for future in as_completed(futures):
                    seen |= future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for part_counters, _ in reads:
            sweep_counters.pages += part_counters.pages
            sweep_counters.records += part_counters.records
        return seen

    def _land_pages(self, pages: Iterable[Page], sweep_counters: SweepCounters) -> None:
        for page in pages:
            self._land(sweep_counters.number, sweep_counters.landed, page)
            sweep_counters.add(page)
            if self._stop.is_set():
                return

    def _land(self, sweep: int, number: int, page: Page) -> None:
        received = ReceivedPage(page.records, sweep, number, self.clock.correct(page.fetched_at))
        self.counters.add(self.landing.land(received))

    def _note_landed(self) -> None:
        """Notes the finished sweeps whose records are all on the disk."""
        with self._lock:
            flushed = self.landing.flushed
            landed = [entry for mark, entry in self._finished if mark <= flushed]
            self._finished = [(mark, entry) for mark, entry in self._finished if mark > flushed]
        for entry in landed:
            write_sweep(self.directory, self.source, entry)

    def _flush(self) -> None:
        """Brings everything received to the disk, and notes the sweeps that it completes."""
        self.landing.flush()
        self._note_landed()

    def _next_number(self) -> int:
        with self._lock:
            self._sweeps += 1
            return self._sweeps


def _pool(name: str) -> ThreadPoolExecutor:
    """Threads whose log lines have the ids of this one."""
    return ThreadPoolExecutor(
        WORKERS, thread_name_prefix=name, initializer=add_log_ids, initargs=(log_ids(),)
    )
