"""Receives the lists of an inventory, each until it was read in one piece; ``raw`` stores them.

Pages are read by ``pagination``, which notices rows that move. A walk over a list counts as complete where
the source's own count agrees with it, where there is no count and nothing moved, or where the walk before
received the same objects.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from cbr_warehouse.contract.inventory_lists import (
    INVENTORY_LISTS,
    NOT_OFFERED,
    InventoryEndpoint,
    requests_for,
)
from cbr_warehouse.errors import ForbiddenError, SignInError, SourceError, TransientSourceError
from cbr_warehouse.extract.pagination import PageSize, Paginator
from cbr_warehouse.raw.inventory_entries import InventoryList, ListState
from cbr_warehouse.raw.inventory_writer import InventoryWriter
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.page import Page

logger = logging.getLogger(__name__)

MAX_WALKS = 4
"""Walks over a list before it is left as partial: it changes faster than it can be read."""

CHANGED = "It changed each time while its pages were read: some of it may be missing."
NOT_ASKED = "It was not asked for, because the source failed before: {error}"

MOST_OUTAGES = 2
"""Lists that fail with an outage before no other is asked for: each takes the whole time of a request."""


@dataclass
class _Walk:
    """One walk over a list.

    Attributes:
        seen: Content hash of each object received.
        count: What the source said last how many there are; None if it never did.
        has_moved: Whether rows moved while they were read.
    """

    seen: dict[str, str] = field(default_factory=dict)
    count: int | None = None
    has_moved: bool = False

    @property
    def is_proved(self) -> bool:
        """Whether it shows by itself that it received the whole list."""
        return not self.has_moved if self.count is None else self.count == len(self.seen)


class InventoryReader:
    """Asks a source for the lists of its inventory, and has them stored. For one thread.

    Args:
        client: The source's client, with its rate limit, retries and authentication.
        writer: Stores what is received.
        projects: Enterprise projects that are asked for one by one; none for no filter.
        progress: Called with the number of records of each page.
    """

    def __init__(
        self,
        client: CbrClient,
        writer: InventoryWriter,
        projects: tuple[str, ...] = (),
        progress: Callable[[int], None] = lambda _amount: None,
    ) -> None:
        self._client = client
        self._writer = writer
        self._projects = projects
        self._progress = progress
        self._requests = 0
        self._outages = 0

    def read_all(self) -> None:
        """Reads each list and notes how much of it was received.

        A list that is not permitted, not offered or cannot be read stops no other. A source that does not
        answer is not asked for all of them.

        Raises:
            StorageError: What was received could not be written.
        """
        given_up: SourceError | None = None
        for endpoint in INVENTORY_LISTS:
            if given_up is None:
                given_up = self._read(endpoint)
            else:
                self._note(endpoint, ListState.FAILED, NOT_ASKED.format(error=given_up), {})

    def _read(self, endpoint: InventoryEndpoint) -> SourceError | None:
        """Reads a list; returns what the source failed with, where it is not to be asked for another."""
        seen: dict[str, str] = {}
        state, reason = ListState.COMPLETE, None
        given_up: SourceError | None = None
        try:
            for parameters in requests_for(endpoint, self._projects):
                if not self._walk_until_proved(endpoint, parameters, seen):
                    state, reason = ListState.PARTIAL, CHANGED
        except SourceError as error:
            state, reason = _state_of(error, has_some=bool(seen)), str(error)
            self._outages += isinstance(error, TransientSourceError)
            if self._outages >= MOST_OUTAGES or isinstance(error, SignInError):
                given_up = error
        self._note(endpoint, state, reason, seen)
        return given_up

    def _walk_until_proved(
        self, endpoint: InventoryEndpoint, parameters: dict[str, str], seen: dict[str, str]
    ) -> bool:
        """Walks over a list until it was received whole; adds what the last walk received to ``seen``.

        Returns:
            Whether it was.
        """
        before: _Walk | None = None
        found = _Walk()
        is_whole = False
        page_size = PageSize()
        try:
            for _ in range(MAX_WALKS):
                found = _Walk()
                self._walk(endpoint, parameters, page_size, found)
                is_whole = found.is_proved or (before is not None and before.seen.keys() == found.seen.keys())
                if is_whole:
                    break
                before = found
        finally:
            seen |= found.seen
        return is_whole

    def _walk(
        self, endpoint: InventoryEndpoint, parameters: dict[str, str], page_size: PageSize, found: _Walk
    ) -> None:
        """Reads all pages of a list once."""

        def request(limit: int | None, offset: int) -> Page:
            self._requests += 1
            page = self._client.list_inventory(endpoint, parameters, limit=limit, offset=offset)
            found.count = page.count if page.count is not None else found.count
            return page

        def list_page(limit: int, offset: int) -> Page:
            return page_size.ask(lambda size: request(size, offset), limit)

        if endpoint.max_limit is None:
            self._store(endpoint, request(None, 0), found)
            return
        walk = Paginator(list_page, endpoint.max_limit)
        for page in walk.pages():
            self._store(endpoint, page, found)
        found.has_moved = walk.steps_back > 0

    def _store(self, endpoint: InventoryEndpoint, page: Page, found: _Walk) -> None:
        found.seen |= self._writer.store(endpoint.kind, endpoint.object_type, page.records, page.fetched_at)
        self._progress(len(page.records))

    def _note(
        self, endpoint: InventoryEndpoint, state: ListState, reason: str | None, seen: dict[str, str]
    ) -> None:
        listed = InventoryList(endpoint.kind, endpoint.object_type, state, reason, len(seen), self._requests)
        self._requests = 0
        self._writer.note(listed, seen)
        if state is not ListState.COMPLETE:
            logger.info("inventory: %s %s: %s", endpoint.name, state, reason)


def _state_of(error: SourceError, *, has_some: bool) -> ListState:
    if has_some:
        return ListState.PARTIAL
    if isinstance(error, ForbiddenError):
        return ListState.NOT_PERMITTED
    return ListState.NOT_OFFERED if error.status in NOT_OFFERED else ListState.FAILED
