"""Pagination: reads the pages of one query so that a shift of its rows is noticed, and always ends.

Pages overlap by one row: a page without any known row shows that rows moved, and the walk steps
back. It advances by what it received and never relies on ``count`` or ``limit`` for where to stop.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock

import msgspec

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.raw.files import content_hash
from cbr_warehouse.source.page import Page

logger = logging.getLogger(__name__)

PAGE_SIZES = (1000, 100, 50, 10)
"""The documented maximum of ``limit`` (1..1000, in OTC's pages), and what to try where it is refused."""

REFUSED = 400
"""HTTP status of a request that the source refuses."""

MOST_STEPS_BACK = 50
"""Maximum number of steps back in one walk."""

MOST_EQUAL_PAGES = 100
"""Maximum number of times in a row that a page has the very rows of the one before: a source that
ignores ``offset`` repeats its first page for ever."""

MOST_STALE_ROWS = 100_000
"""Maximum number of rows in a row without a new one. A burst of new tasks at the top of a list pushes
known rows down, and a step back reads known rows again; in rows, since pages can be small."""

MOST_UNCOUNTED_PAGES = 20_000
"""Number of pages of a walk whose rows the source does not count, after which it is asked whether its list
has an end, and again after twice as many: pages may have ten rows, and a list millions of them."""

FAR = 1_000_000_000
"""An offset beyond the end of any list: a source that has rows there has rows at every offset."""

MOST_UNCOUNTED_ROWS = 20_000_000
"""Maximum number of rows of such a walk."""

CAPPED_COUNT = 10_000
"""From here on a count in whole thousands may be the most that a search engine counts to, not the number
of rows; it is no bound then."""

SPARE_ROWS = 10_000
"""Rows allowed beyond twice the source's count, because a live list grows while it is read."""

ListPage = Callable[[int, int], Page]
"""Gets a page by limit and offset."""


class _Identity(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"")


_identify = msgspec.json.Decoder(_Identity).decode


@dataclass
class Paginator:
    """One walk; iterate over :meth:`pages`.

    Attributes:
        page_size: Most rows to ask for at once; a source may give fewer.
        steps_back: How often rows had moved, so that the walk stepped back.
        seen: The ids of the rows received so far.
    """

    list_page: ListPage
    page_size: int = PAGE_SIZES[0]
    steps_back: int = 0
    seen: set[bytes | str] = field(default_factory=set)

    def pages(self) -> Iterator[Page]:
        """Yields what is received until the source has no more, but for pages that repeat the one before.

        A page of known rows is not a repetition: the text of a running task changes between two requests.

        Raises:
            SourceError: The source failed, its rows move faster than they can be read, or it has no end.
        """
        offset, before, bound = 0, 0, _Bound()
        last: tuple[bytes, ...] = ()
        while True:
            page = self.list_page(self.page_size, offset)
            keys = [identity(record) for record in page.records]
            known = [key in self.seen for key in keys]
            # The page should begin with the last row of the one before. If it has no known row at all,
            # rows were removed above and some slipped past between two requests: go back to find them.
            # One-row pages cannot overlap, so there it proves nothing.
            has_slipped = offset > 0 and not any(known) and not (before == 1 and len(keys) <= 1)
            if not has_slipped:
                self.seen.update(keys)
            if not all(known) or not set(page.records).issubset(last):
                yield page
            last = page.records
            bound.check(page, keys, is_fresh=not has_slipped and not all(known))
            if has_slipped:
                offset = self._step_back(offset, len(keys))
                continue
            # Only the overlapping row is left: that is the end, unless all pages have one row.
            if not keys or (len(keys) == 1 and known[0] and before > 1):
                return
            if bound.is_suspicious and self._has_no_end():
                raise bound.no_end()
            offset += len(keys) - 1 if len(keys) > 1 else 1
            before = len(keys)

    def _has_no_end(self) -> bool:
        """Whether two offsets far beyond any list have rows, and not the same ones.

        The same rows there are the last ones of a list that ends, or the first of a source that ignores
        the offset, which has a bound of its own.
        """
        far = []
        for offset in (FAR, 2 * FAR):
            try:
                page = self.list_page(PAGE_SIZES[-1], offset)
            except PermanentSourceError as error:
                if error.status != REFUSED:
                    raise
                return False
            far.append([identity(record) for record in page.records])
        return all(far) and far[0] != far[1]

    def _step_back(self, offset: int, received: int) -> int:
        """The offset to go on from: each step goes back twice as far as the one before."""
        self.steps_back += 1
        if self.steps_back > MOST_STEPS_BACK:
            raise PermanentSourceError(
                f"The rows of a query moved {MOST_STEPS_BACK} times while its pages were read. "
                "Load again when the source is quieter, or a shorter range with --since and --until."
            )
        return max(0, offset - max(received, 1 << self.steps_back))


@dataclass
class _Bound:
    """The bounds of one walk, so that it ends whatever the source returns."""

    pages: int = 0
    rows: int = 0
    stale_rows: int = 0
    equal_pages: int = 0
    last: list[bytes | str] = field(default_factory=list)
    most_rows: int = MOST_UNCOUNTED_ROWS
    most_pages: int | None = MOST_UNCOUNTED_PAGES

    def check(self, page: Page, keys: list[bytes | str], *, is_fresh: bool) -> None:
        """Counts a page.

        Raises:
            PermanentSourceError: The walk does not come to an end.
        """
        if self.pages == 0 and page.count is not None and _is_of_all_rows(page.count, len(page.records)):
            # More than the page has: the count of all rows. Later counts could grow with what was read.
            self.most_rows, self.most_pages = 2 * page.count + SPARE_ROWS, None
        self.pages += 1
        self.rows += len(page.records)
        self.stale_rows = 0 if is_fresh else self.stale_rows + max(1, len(keys))
        self.equal_pages = self.equal_pages + 1 if keys == self.last and not is_fresh else 0
        self.last = keys
        if self.equal_pages >= MOST_EQUAL_PAGES or self.stale_rows >= MOST_STALE_ROWS:
            raise PermanentSourceError(
                f"{self.stale_rows:,} rows in a row brought no new record: the source repeats the same "
                "rows, as if it ignored the parameter offset, so the rest of its list cannot be read. "
                "'cbr-warehouse doctor' shows how it pages; report it to the operator of the endpoint."
            )
        if self.rows > self.most_rows:
            raise self.no_end()

    @property
    def is_suspicious(self) -> bool:
        """Whether the walk is so long that its end is in doubt; the next time after twice as many pages."""
        if self.most_pages is None or self.pages <= self.most_pages:
            return False
        self.most_pages *= 2
        return True

    def no_end(self) -> PermanentSourceError:
        """The error of a walk without an end."""
        return PermanentSourceError(
            f"A query brought {self.rows:,} rows in {self.pages:,} pages and still has more, beyond all "
            "that the source counted or can have: its list has no end. Load a shorter range with --since "
            "and --until, and report it to the operator of the endpoint."
        )


def is_capped(count: int) -> bool:
    """Whether a count may be the most that the source counts to, instead of the number of rows."""
    return count >= CAPPED_COUNT and count % 1000 == 0


def _is_of_all_rows(count: int, received: int) -> bool:
    """Whether the count of a first page is of all rows, not of the page and not capped."""
    return count > received and not is_capped(count)


class PageSize:
    """The page size of one source, shared by all its walks. Safe to share between threads.

    What a source does with a limit above its maximum is undocumented. One that gives fewer rows is
    followed all the same; one that refuses with 400 is asked again for fewer, and from then on.
    """

    def __init__(self) -> None:
        self._size = PAGE_SIZES[0]
        self._received = 0
        self._lock = Lock()

    @property
    def received(self) -> int:
        """Rows of the largest page so far: the source gives at least as many."""
        return self._received

    @property
    def rows(self) -> int:
        """The current limit per request."""
        return self._size

    def ask(self, ask: Callable[[int], Page], most: int) -> Page:
        """Requests a page, with a smaller limit if a larger one is refused.

        Args:
            ask: Makes the request with a limit.
            most: Maximum number of rows.

        Returns:
            The page.

        Raises:
            SourceError: The source failed. If every limit is refused, the limit is not the reason:
                the first refusal is raised.
        """
        first = min(most, self._size)
        refusal: PermanentSourceError | None = None
        for size in (first, *(size for size in PAGE_SIZES if size < first)):
            try:
                page = ask(size)
            except PermanentSourceError as error:
                if error.status != REFUSED:
                    raise
                refusal = refusal or error
                continue
            if refusal is not None:
                self._learn(size)
            self._received = max(self._received, len(page.records))
            return page
        raise refusal or ValueError("no page size to try")

    def _learn(self, size: int) -> None:
        with self._lock:
            if size < self._size:
                logger.info("a limit of %d is refused; pages of %d from now on", self._size, size)
                self._size = size


def identity(record: bytes) -> bytes | str:
    """Identifies a record while paging: the text of its id, or the hash of the whole record."""
    try:
        return bytes(_identify(record).id) or content_hash(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return content_hash(record)
