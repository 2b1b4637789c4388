"""Questions to a source: few, counted, and each remembered as evidence with what came back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from cbr_warehouse.doctor.finding import Evidence
from cbr_warehouse.doctor.rows import Row, read_rows
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

MOST_QUESTIONS = 80
"""How many questions an examination asks at the most; it seldom needs half of them."""

REFUSED = 400


class ProbeBudgetError(Exception):
    """All questions of an examination are used up. Never leaves this room."""


class Answering(Protocol):
    """The part of a client that an examination uses."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        """One page of tasks."""

    def show_task(self, task_id: str) -> Page:
        """One task by its id."""


@dataclass(frozen=True)
class Reply:
    """The answer to one question.

    Attributes:
        asked: The query parameters.
        limit: The limit asked with.
        rows: The tasks received.
        received: How many records there were, readable or not.
        count: The source's count.
        served_at: What the server took for the present.
        refusal: What the source said, where it refused the question as wrong (400).
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
        """Whether the page was not filled: then what is not on it does not match."""
        return self.refusal is None and self.received < self.limit

    def has(self, row: Row) -> bool:
        """Whether a task is among those received."""
        return any(one.id == row.id for one in self.rows)

    def told(self, note: str = "") -> Evidence:
        """The question and its answer as evidence."""
        if self.refusal is not None:
            return Evidence(self.asked, f"refused: {self.refusal}")
        came = f"{self.received:,} task{'' if self.received == 1 else 's'}, count {self.count}"
        return Evidence(self.asked, f"{came}; {note}" if note else came)


class Probe:
    """Asks one source.

    Args:
        client: The source's client.
        scope: Filters that every question has, such as an enterprise project.
        most: How many questions may be asked.

    Attributes:
        most_rows: The largest limit that brings as many rows as it says; set once that is known.
        asked: Questions asked so far.
    """

    def __init__(self, client: Answering, scope: TaskQuery, most: int = MOST_QUESTIONS) -> None:
        self._client = client
        self._scope = scope
        self._most = most
        self.most_rows = 10
        self.asked = 0

    def ask(self, query: TaskQuery, limit: int, offset: int = 0) -> Reply:
        """Asks for one page.

        Args:
            query: The filters.
            limit: The most records wanted.
            offset: How many to pass over.

        Returns:
            What came, or the refusal.

        Raises:
            ProbeBudgetError: No question is left.
            SourceError: The source failed otherwise than by a refusal of the question.
        """
        if self.asked >= self._most:
            raise ProbeBudgetError(f"all {self._most} questions of an examination are used up")
        self.asked += 1
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

    def ask_some(self, query: TaskQuery, most: int = 100) -> Reply:
        """Asks for the first rows of a query, no more than surely come when they are there."""
        return self.ask(query, min(most, self.most_rows))

    def show(self, task_id: str) -> Page:
        """Asks for one task by its id.

        Raises:
            ProbeBudgetError: No question is left.
            SourceError: The source failed.
        """
        if self.asked >= self._most:
            raise ProbeBudgetError(f"all {self._most} questions of an examination are used up")
        self.asked += 1
        return self._client.show_task(task_id)
