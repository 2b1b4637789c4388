"""The list: which rows a request gets, in which order, by the dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cbr_emulator.clock import parse_time
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.server.record_store import FAR_PAST, Row, Served

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
    """A parameter that cannot be read; the message says which."""


@dataclass(frozen=True)
class Listed:
    """What a list answers.

    Attributes:
        rows: The rows of the page.
        count: What stands as count.
        limit: How many rows the page could have had.
        offset: Which offset was asked for.
    """

    rows: Sequence[Row]
    count: int
    limit: int
    offset: int


def list_rows(served: Served, parameters: Mapping[str, str], dialect: Dialect, now: datetime) -> Listed:
    """Answers a list.

    Args:
        served: What there is.
        parameters: Query parameters; unknown ones are ignored.
        dialect: How they are read.
        now: The present.

    Raises:
        BadParameterError: One cannot be read.
    """
    limit = dialect.page_size(_number(parameters, "limit", least=1))
    if limit is None:
        raise BadParameterError(f"limit must not exceed {dialect.max_limit}")
    offset = _number(parameters, "offset", least=0) or 0
    begin = max(0, offset - int(dialect.offset_base))
    start, end = _time(parameters, "start_time"), _time(parameters, "end_time")
    wanted = {name: parameters[name] for name in FILTERS if parameters.get(name)}
    rows = [
        row
        for row in served.rows(now, dialect.retention)
        if _is_wanted(row, wanted, dialect) and _is_within(row, start, end, dialect)
    ]
    rows.sort(key=lambda row: _place(row, dialect.order), reverse=dialect.direction == "desc")
    page = rows[begin : begin + limit]
    return Listed(page, len(rows) if dialect.count == "all" else len(page), limit, offset)


def _place(row: Row, order: str) -> tuple[datetime, str]:
    when = FAR_PAST if order == "id" else row.times[order] or FAR_PAST
    return when, str(row.facts["id"])


def _is_wanted(row: Row, wanted: Mapping[str, str], dialect: Dialect) -> bool:
    for name, value in wanted.items():
        if name == "enterprise_project_id" and value == "all_granted_eps":
            continue
        held = row.facts.get(name)
        if name.endswith("_name") and dialect.names == "fuzzy":
            if held is None or value not in str(held):
                return False
        elif held != value:
            return False
    if dialect.provider_default == "server_disk" and "provider_id" not in wanted:
        return row.facts["provider_id"] in SERVER_DISK
    return True


def _is_within(row: Row, start: datetime | None, end: datetime | None, dialect: Dialect) -> bool:
    first, last = ("started_at", "ended_at") if dialect.filter == "started_ended" else (dialect.filter,) * 2
    if row.times["created_at"] is None:
        return True  # a broken record has no time that a window could leave out
    for bound, name, is_start in ((start, first, True), (end, last, False)):
        if bound is None:
            continue
        time = row.times[name]
        if time is None or (time < bound if is_start else time > bound):
            return False
        if time == bound and dialect.bounds == "exclusive":
            return False
    return True


def _number(parameters: Mapping[str, str], name: str, *, least: int) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise BadParameterError(f"{name} must be an integer of at least {least}")
    return int(text)


def _time(parameters: Mapping[str, str], name: str) -> datetime | None:
    text = parameters.get(name)
    if text is None:
        return None
    time = parse_time(text)
    if time is None:
        raise BadParameterError(f"{name} must look like 2018-01-01T12:00:00Z")
    return time
