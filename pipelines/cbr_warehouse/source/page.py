"""A page: the records of one response, untouched."""

from dataclasses import dataclass
from datetime import datetime

from cbr_warehouse.source.query import TaskQuery


@dataclass(frozen=True)
class Page:
    """The response to one request, its records untouched.

    Attributes:
        records: The exact bytes of each record, in the order received, damaged ones included.
        count: The source's own count; None where it is missing. A hint: nothing shows whether it
            counts all matching tasks or those of this page.
        fetched_at: When the response had arrived, UTC, by this machine's clock.
        query: The filters of the request; None where one task was requested by its id.
        limit: The limit of the request.
        offset: The offset of the request.
        status: HTTP status: 200, or 404 where a task requested by its id is unknown to the source.
        broken: Positions in ``records`` of those that are not JSON.
        served_at: The server's own time, UTC, from its Date header; None where that is missing.
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
