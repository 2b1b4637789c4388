"""How a value of a query is shown: its text, its exact value for programs, and where it leads."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from cbr_warehouse.report.formatting import abbreviate, count, hours, moment, percent

Row = Mapping[str, Any]

NUMBERS = frozenset({"count", "percent", "hours", "seconds"})
"""Kinds that are set to the right."""


@dataclass(frozen=True)
class Column:
    """A column of a table on the page.

    Attributes:
        name: Name of the column in the query.
        label: What is above it.
        kind: ``text``, ``code`` (in full), ``count``, ``percent``, ``hours``, ``seconds``, ``moment``,
            ``day`` or ``truth``.
        link: Gives the address that its text leads to; None for a row where it leads nowhere.
    """

    name: str
    label: str
    kind: str = "text"
    link: Callable[[Row], str | None] | None = None


@dataclass(frozen=True)
class Shown:
    """A value as it is shown.

    Attributes:
        column: Its column.
        text: What is read.
        value: The exact value, see ``exact``; None for NULL.
        href: Where it leads.
    """

    column: Column
    text: str
    value: str | None
    href: str | None


def show(column: Column, row: Row, zone: tzinfo) -> Shown:
    """A value of a row as it is shown.

    Args:
        column: The column.
        row: The row.
        zone: The zone that times are shown in.
    """
    value = row[column.name]
    href = column.link(row) if column.link else None
    return Shown(column, text_of(value, column.kind, zone), exact(value), href)


def text_of(value: Any, kind: str, zone: tzinfo) -> str:
    """A value as people read it; a dash where there is nothing to read."""
    if value is None or value in ("", []):
        return "–"
    if kind in _PRINTERS:
        return _PRINTERS[kind](value)
    if isinstance(value, datetime):
        return moment(value, zone)
    if isinstance(value, date):
        return moment(value)
    if isinstance(value, list):
        return ", ".join(abbreviate(str(one)) for one in value)
    return str(value) if kind == "code" else abbreviate(str(value))


def exact(value: Any) -> str | None:
    """A value for programs: times as RFC 3339 in UTC, lists as JSON, numbers with all their digits."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, date) else str(value)


def _seconds(value: float) -> str:
    minutes, seconds = divmod(round(value), 60)
    if not minutes:
        return f"{seconds} s"
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


_PRINTERS: dict[str, Callable[[Any], str]] = {
    "count": count,
    "percent": percent,
    "hours": hours,
    "seconds": _seconds,
    "truth": lambda value: "yes" if value else "no",
}


def address(path: str, **values: Any) -> str:
    """An address on the page, with values in its query string; those that are None are left out."""
    pairs = [(name, str(value)) for name, value in values.items() if value is not None]
    return f"{path}?{urlencode(pairs)}"


def to_resource(row: Row) -> str | None:
    """The page of a row's resource."""
    if row["resource_id"] is None:
        return None
    return address("/resource", source=row["source"], id=row["resource_id"])


def to_task(name: str = "task_id") -> Callable[[Row], str | None]:
    """What leads to the page of the task that a column names."""
    return lambda row: None if row[name] is None else address("/task", source=row["source"], id=row[name])


def to_vault(row: Row) -> str | None:
    """The calendar of a row's vault."""
    return None if row["vault_id"] is None else address("/", source=row["source"], vault=row["vault_id"])


def to_night(row: Row) -> str:
    """The page of a row's resource on its backup day."""
    return address("/night", source=row["source"], id=row["resource_id"], day=row["backup_day"])


def to_code(row: Row) -> str | None:
    """The failures with a row's error code."""
    if row["error_code"] is None:
        return None
    return address("/tasks", source=row["source"], code=row["error_code"], nights=56)


RESOURCE = Column("resource_name", "Resource", "text", to_resource)
RESOURCE_ID = Column("resource_id", "Id", "code")
SOURCE = Column("source", "Source")
VAULT = Column("vault_name", "Vault", "text", to_vault)
CODE = Column("error_code", "Error code", "code", to_code)
"""Columns that many tables have."""
