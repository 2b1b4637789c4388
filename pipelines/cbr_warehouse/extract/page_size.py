"""How many rows to ask for at once: as many as the documents allow, fewer where the source refuses that.

What a source does with a limit above its maximum is undocumented. One that gives fewer rows is
followed all the same; one that refuses with 400 is asked again for fewer, and from then on.
"""

import logging
from collections.abc import Callable
from threading import Lock

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.source.page import Page

logger = logging.getLogger(__name__)

PAGE_SIZES = (1000, 100, 50, 10)
"""The documented maximum of ``limit`` (1..1000, in OTC's pages), and what to try where it is refused."""

REFUSED = 400


class PageSize:
    """The page size of one source, shared by all its walks. Safe to share between threads."""

    def __init__(self) -> None:
        self._size = PAGE_SIZES[0]
        self._lock = Lock()

    @property
    def rows(self) -> int:
        """How many rows are asked for at once at present."""
        return self._size

    def ask(self, ask: Callable[[int], Page], most: int) -> Page:
        """Asks for a page, with a smaller limit where a larger one is refused.

        Args:
            ask: Asks with a limit.
            most: The most rows wanted.

        Returns:
            The page.

        Raises:
            SourceError: The source failed. Where every limit is refused, the limit is not what
                the source minds: the first refusal is told.
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
            return page
        raise refusal or ValueError("no page size to try")

    def _learn(self, size: int) -> None:
        with self._lock:
            if size < self._size:
                logger.info("a limit of %d is refused; pages of %d from now on", self._size, size)
                self._size = size
