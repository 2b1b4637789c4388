"""A page: what one request for tasks brought home."""

from dataclasses import dataclass
from datetime import datetime

from cbr_warehouse.source.query import TaskQuery


@dataclass(frozen=True)
class Page:
    """The answer to one request, its records untouched.

    Attributes:
        records: The exact bytes of each record, in the order received, broken ones included.
        count: The source's own count; None where it says none. A hint: nothing shows whether it
            is that of all matching tasks or of this page.
        fetched_at: When the answer had arrived, UTC.
        query: The filters asked with; None where one task was asked for by its id.
        limit: The limit asked with.
        offset: The offset asked with.
        status: HTTP status: 200, or 404 where a task asked for by its id is unknown to the source.
        broken: Positions in ``records`` of those that are no JSON.
        served_at: What the server took for the present, by its Date header; None where it says none.
    """

    records: tuple[bytes, ...]
    count: int | None
    fetched_at: datetime
    query: TaskQuery | None
    limit: int | None
    offset: int | None
    status: int
    broken: tuple[int, ...] = ()
    served_at: datetime | None = None
