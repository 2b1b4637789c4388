"""Requests of an examination: few, counted, and each kept as evidence with its response."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from cbr_warehouse.amounts import amount
from cbr_warehouse.doctor.finding import Evidence
from cbr_warehouse.doctor.observed_tasks import Row, read_rows
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

MAX_REQUESTS = 80
"""Maximum requests of an examination; it rarely needs half of them."""

REFUSED = 400


class ProbeBudgetError(Exception):
    """All requests of an examination are used up. Never leaves this room."""


class TaskApi(Protocol):
    """The part of a client that an examination uses."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        """One page of tasks."""

    def show_task(self, task_id: str) -> Page:
        """One task by its id."""


@dataclass(frozen=True)
class Reply:
    """The response to one request.

    Attributes:
        asked: The query parameters.
        limit: The limit of the request.
        rows: The tasks received.
        received: How many records there were, readable or not.
        count: The source's count.
        served_at: The server's own time, UTC.
        refusal: The error message where the source refused the request as wrong (400).
    """

    asked: str
    limit: int
    rows: tuple[Row, ...] = ()
    received: int = 0
    count: int | None = None
    served_at: datetime | None = None
    refusal: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the page has fewer rows than its limit: then a task that is not on it does not match."""
        return self.refusal is None and self.received < self.limit

    def has(self, row: Row) -> bool:
        """Whether a task is among those received."""
        return any(one.id == row.id for one in self.rows)

    def evidence(self, note: str = "") -> Evidence:
        """The request and its response as evidence."""
        if self.refusal is not None:
            return Evidence(self.asked, f"refused: {self.refusal}")
        came = f"{amount(self.received, 'tasks')}, count {self.count}"
        return Evidence(self.asked, f"{came}; {note}" if note else came)


class Probe:
    """Sends the requests of one examination.

    Args:
        client: The source's client.
        scope: Filters that every request has, such as an enterprise project.
        max_requests: How many requests may be made.

    Attributes:
        max_rows: The largest limit that returns as many rows as it says; set once that is known.
        requests: Requests made so far.
    """

    def __init__(self, client: TaskApi, scope: TaskQuery, max_requests: int = MAX_REQUESTS) -> None:
        self._client = client
        self._scope = scope
        self._max_requests = max_requests
        self.max_rows = 10
        self.requests = 0

    def ask(self, query: TaskQuery, limit: int, offset: int = 0) -> Reply:
        """Requests one page.

        Args:
            query: The filters.
            limit: The maximum number of records.
            offset: How many records to skip.

        Returns:
            The page, or the refusal.

        Raises:
            ProbeBudgetError: No request is left.
            SourceError: The source failed otherwise than by refusing the request as wrong.
        """
        self._count()
        query = replace(query, enterprise_project_id=self._scope.enterprise_project_id)
        parameters = {**query.parameters(), "limit": limit, "offset": offset}
        asked = "&".join(f"{name}={value}" for name, value in parameters.items())
        try:
            page = self._client.list_tasks(query, limit=limit, offset=offset)
        except PermanentSourceError as error:
            if error.status != REFUSED:
                raise
            return Reply(asked, limit, refusal=str(error))
        rows = read_rows(page.records)
        return Reply(asked, limit, rows, len(page.records), page.count, page.served_at)

    def ask_first(self, query: TaskQuery, limit: int = 100) -> Reply:
        """Requests the first rows of a query, with a limit that the source is known to honour."""
        return self.ask(query, min(limit, self.max_rows))

    def show(self, task_id: str) -> Page:
        """Requests one task by its id.

        Raises:
            ProbeBudgetError: No request is left.
            SourceError: The source failed.
        """
        self._count()
        return self._client.show_task(task_id)

    def _count(self) -> None:
        if self.requests >= self._max_requests:
            raise ProbeBudgetError(f"all {self._max_requests} requests of an examination are used up")
        self.requests += 1
