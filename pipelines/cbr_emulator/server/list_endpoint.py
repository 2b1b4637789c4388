"""Selects and orders the rows of a list request as the dialect defines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cbr_emulator.clock import parse_time
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.server.record_store import FAR_PAST, RecordStore, Row

FILTERS = (
    "operation_type",
    "status",
    "provider_id",
    "resource_id",
    "resource_name",
    "vault_id",
    "vault_name",
    "enterprise_project_id",
)
SERVER_DISK = ("0daac4c5-6707-4851-97ba-169e36266b66", "d1603440-187d-4516-af25-121250c7cc97")


class BadParameterError(ValueError):
    """A query parameter is invalid; the message names it."""


@dataclass(frozen=True)
class ListResult:
    """Result of a list request.

    Attributes:
        rows: The rows of the page.
        count: Value of ``count`` in the response.
        limit: Effective page size.
        offset: Requested offset.
    """

    rows: Sequence[Row]
    count: int
    limit: int
    offset: int


def list_rows(
    served: RecordStore, parameters: Mapping[str, str], dialect: Dialect, now: datetime
) -> ListResult:
    """Evaluates a list request.

    Args:
        served: The records.
        parameters: Query parameters; unknown ones are ignored.
        dialect: How the parameters are interpreted.
        now: The present.

    Raises:
        BadParameterError: A parameter is invalid.
    """
    limit, offset, begin = read_paging(parameters, dialect)
    start, end = read_time(parameters, "start_time"), read_time(parameters, "end_time")
    filters = {name: parameters[name] for name in FILTERS if parameters.get(name)}
    rows = [
        row
        for row in served.rows(now, dialect.retention)
        if _matches(row, filters, dialect) and _is_in_window(row, start, end, dialect)
    ]
    rows.sort(key=lambda row: _place(row, dialect.order), reverse=dialect.direction == "desc")
    page = rows[begin : begin + limit]
    return ListResult(page, len(rows) if dialect.count == "all" else len(page), limit, offset)


def _place(row: Row, order: str) -> tuple[datetime, str]:
    when = FAR_PAST if order == "id" else row.times[order] or FAR_PAST
    return when, str(row.filter_values["id"])


def _matches(row: Row, filters: Mapping[str, str], dialect: Dialect) -> bool:
    for name, expected in filters.items():
        if name == "enterprise_project_id" and expected == "all_granted_eps":
            continue
        actual = row.filter_values.get(name)
        if name.endswith("_name") and dialect.names == "fuzzy":
            if actual is None or expected not in str(actual):
                return False
        elif actual != expected:
            return False
    if dialect.provider_default == "server_disk" and "provider_id" not in filters:
        return row.filter_values["provider_id"] in SERVER_DISK
    return True


def _is_in_window(row: Row, start: datetime | None, end: datetime | None, dialect: Dialect) -> bool:
    first, last = ("started_at", "ended_at") if dialect.filter == "started_ended" else (dialect.filter,) * 2
    if row.times["created_at"] is None:
        return True  # a malformed record has no time to filter by
    for bound, name, is_start in ((start, first, True), (end, last, False)):
        if bound is None:
            continue
        time = row.times[name]
        if time is None or (time < bound if is_start else time > bound):
            return False
        if time == bound and dialect.bounds == "exclusive":
            return False
    return True


def read_paging(parameters: Mapping[str, str], dialect: Dialect) -> tuple[int, int, int]:
    """The limit and offset of a request, and the index of its first row.

    Raises:
        BadParameterError: One of them is invalid.
    """
    limit = dialect.page_size(read_number(parameters, "limit", least=1))
    if limit is None:
        raise BadParameterError(f"limit must not exceed {dialect.max_limit}")
    offset = read_number(parameters, "offset", least=0) or 0
    return limit, offset, max(0, offset - int(dialect.offset_base))


def read_number(parameters: Mapping[str, str], name: str, *, least: int) -> int | None:
    """A query parameter that is a whole number; None where it is absent.

    Raises:
        BadParameterError: It is none, or too small.
    """
    text = parameters.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise BadParameterError(f"{name} must be an integer of at least {least}")
    return int(text)


def read_time(parameters: Mapping[str, str], name: str) -> datetime | None:
    """A query parameter that is a time; None where it is absent.

    Raises:
        BadParameterError: It is none.
    """
    text = parameters.get(name)
    if text is None:
        return None
    time = parse_time(text)
    if time is None:
        raise BadParameterError(f"{name} must look like 2018-01-01T12:00:00Z")
    return time
