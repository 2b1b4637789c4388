"""Walking through the pages of one query so that a shift of its rows is seen.

Pages overlap by one row: a page that holds no row seen before shows that rows moved, and the
walk steps back. It advances by what it received and never trusts ``count`` or ``limit``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.extract.page_size import PAGE_SIZES
from cbr_warehouse.raw.files import content_hash
from cbr_warehouse.source.page import Page

MOST_STEPS_BACK = 50
"""How often one walk may step back before the source is called unreadable."""

ListPage = Callable[[int, int], Page]
"""Gets a page by limit and offset."""


class _Identity(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"")


_identify = msgspec.json.Decoder(_Identity).decode


@dataclass
class Paginator:
    """One walk; iterate over :meth:`pages`.

    Attributes:
        page_size: The most rows to ask for at once; a source that gives fewer is followed all the same.
        steps_back: How often rows had moved so that the walk stepped back.
        seen: What tells the rows received so far apart.
    """

    list_page: ListPage
    page_size: int = PAGE_SIZES[0]
    steps_back: int = 0
    seen: set[bytes | str] = field(default_factory=set)

    def pages(self) -> Iterator[Page]:
        """Yields every page until the source has no more.

        Raises:
            SourceError: The source failed, or its rows move faster than they can be read.
        """
        offset, before = 0, 0
        while True:
            page = self.list_page(self.page_size, offset)
            keys = [identity(record) for record in page.records]
            if offset and not any(key in self.seen for key in keys) and not (before == 1 and len(keys) <= 1):
                offset = self._step_back(offset, len(keys))
                continue
            if not keys:
                return
            is_end = len(keys) == 1 and keys[0] in self.seen and before > 1
            fresh = not self.seen.issuperset(keys)
            self.seen.update(keys)
            if fresh:
                yield page
            if is_end:
                return
            # A source that gives one row at a time cannot overlap.
            offset += len(keys) - 1 if len(keys) > 1 else 1
            before = len(keys)

    def _step_back(self, offset: int, received: int) -> int:
        self.steps_back += 1
        if self.steps_back > MOST_STEPS_BACK:
            raise PermanentSourceError(
                f"The rows of a query moved {MOST_STEPS_BACK} times while its pages were read. "
                "Load again when the source is quieter, or a shorter range with --since and --until."
            )
        return max(0, offset - max(received, 1 << self.steps_back))


def identity(record: bytes) -> bytes | str:
    """Tells records apart while paging: the text of their id, or else of the whole record."""
    try:
        return bytes(_identify(record).id) or content_hash(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return content_hash(record)
