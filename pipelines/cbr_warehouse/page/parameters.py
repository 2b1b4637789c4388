"""What an address asks for: filters, period and page, read from its query string and written back to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from cbr_warehouse.errors import UsageError
from cbr_warehouse.page.queries import Value

NIGHTS = (7, 14, 28, 56)
"""Periods that can be chosen, in backup days."""

ROWS = 50
"""Rows of a table on one page."""

OF_RESOURCES = ("source", "vault", "policy", "type", "resource")
"""The filters that choose resources."""

_MOST_PAGES = 1_000_000
_LONGEST = 16_384
"""Characters of a text; ids are as long as the source sends them, and an address is at most 64 KB."""
_NOT_IN_TEXT = re.compile("[\x00\ud800-\udfff]")


class NotFoundError(UsageError):
    """The warehouse has nothing by the id in the address."""


@dataclass(frozen=True)
class Filters:
    """Filters of every list, and its place in it.

    Attributes:
        source: Name of a source.
        vault: Id of a vault, or part of its name.
        policy: Part of the id of a policy.
        type: Type of a resource.
        resource: Id of a resource, or part of its name.
        code: Error code; ``(none)`` for failures without one.
        operation: Operation type of a task.
        outcome: Outcome of a task.
        verdict: Verdict of a backup day.
        id: Id of one resource.
        in_vault: Id of the vault that a resource was tried in; ``(none)`` for none.
        day: A backup day.
        by: What the rows of the calendar are: ``resources`` or ``vaults``.
        until: Newest backup day; None for the newest one there is.
        nights: Length of the period in backup days.
        page: Page of the list, from 1.
    """

    source: str | None = None
    vault: str | None = None
    policy: str | None = None
    type: str | None = None
    resource: str | None = None
    code: str | None = None
    operation: str | None = None
    outcome: str | None = None
    verdict: str | None = None
    id: str | None = None
    in_vault: str | None = None
    day: date | None = None
    by: str = "resources"
    until: date | None = None
    nights: int = 14
    page: int = 1

    def sql(self, newest: date | None = None) -> dict[str, Value | None]:
        """The values for the queries.

        Args:
            newest: The newest backup day there is, where ``until`` is not given.
        """
        to_day = self.until or newest
        from_day = None if to_day is None else self.days(to_day)[-1]
        period: dict[str, Value | None] = {"from_day": from_day, "to_day": to_day, "day": self.day}
        place: dict[str, Value | None] = {"limit": ROWS, "offset": (self.page - 1) * ROWS}
        return {**{name: getattr(self, name) for name in _TEXTS}, **period, **place}

    def days(self, newest: date) -> list[date]:
        """The backup days of the period, the newest first.

        Args:
            newest: The newest backup day there is, where ``until`` is not given.
        """
        to_day = self.until or newest
        return [to_day - timedelta(days=back) for back in range(self.nights)]

    def link(self, path: str, **changes: Value | None) -> str:
        """An address with these filters and some changed, from page 1 unless a page is given."""
        changed = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        default = Filters()
        pairs = [
            (one.name, str(getattr(changed, one.name)))
            for one in fields(changed)
            if getattr(changed, one.name) != getattr(default, one.name)
        ]
        return f"{path}?{urlencode(pairs)}" if pairs else path


_TEXTS = (
    *("source", "vault", "policy", "type", "resource", "code"),
    *("operation", "outcome", "verdict", "id", "in_vault"),
)


def read_filters(query: Mapping[str, str]) -> Filters:
    """Reads the filters of an address; what it does not know is ignored.

    Raises:
        UsageError: A value is not allowed.
    """
    texts = {name: text_of(query, name) for name in _TEXTS}
    by = text_of(query, "by") or "resources"
    if by not in {"resources", "vaults"}:
        raise UsageError("by: not known. Allowed: resources, vaults.")
    return Filters(
        **texts,
        by=by,
        until=_day(query, "until"),
        day=_day(query, "day"),
        nights=_number(query, "nights", 14, max(NIGHTS)),
        page=_number(query, "page", 1, _MOST_PAGES),
    )


def text_of(query: Mapping[str, str], name: str) -> str | None:
    """A value of an address; None where it is missing or empty.

    Raises:
        UsageError: It is too long, or holds what no text of the warehouse can.
    """
    text = query.get(name) or None
    if text is not None and (len(text) > _LONGEST or _NOT_IN_TEXT.search(text)):
        raise UsageError(f"{name}: not a text. Give at most {_LONGEST} characters, none of them NUL.")
    return text


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = text_of(query, name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2100 or text != day.isoformat():
        raise UsageError(f"{name}: not a day. Write it like 2026-11-27.")
    return day


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise UsageError(f"{name}: not a number from 1 to {most:,}.")
    return int(text)
