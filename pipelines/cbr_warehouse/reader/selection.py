"""Rows of one table or view by time and by values: the query, with the values as its parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cbr_warehouse.errors import UsageError
from cbr_warehouse.settings.durations import parse_duration
from cbr_warehouse.storage.sql_text import identifier

_LONGEST = timedelta(days=10_000)
"""Further back there is nothing, and soon no date."""

Moment = datetime | date | str
Value = Any

DAYS = ("backup_day", "day", "lost_at")
"""Columns of days: a view with one of them as second column, after the source, has a row per day."""

TIMES = (
    "created_at",
    "rp_at",
    "slot_at",
    "first_failed_at",
    "began_at",
    "last_attempt_at",
    "started_at",
    "first_seen_at",
    *DAYS,
)
"""Columns that ``since`` and ``until`` compare, the first there is; in a view of days that is the day."""


@dataclass(frozen=True)
class Selection:
    """A table or view, and which of its rows.

    Attributes:
        schema: Its schema.
        name: Its name.
        columns: Types of its columns by name, in their order.
    """

    schema: str
    name: str
    columns: Mapping[str, str]

    def query(
        self,
        since: Moment | None,
        until: Moment | None,
        where: Mapping[str, Value],
        watermark: Callable[[], datetime],
    ) -> tuple[str, dict[str, Any]]:
        """The query and its parameters.

        Args:
            since: At or after this time; a duration such as ``7d`` counts back from the watermark.
            until: Before this time.
            where: Values by column: one, or a list of which one is to be met; None for no value.
            watermark: Gives the time that durations count back from.

        Raises:
            UsageError: A column or a time is not known.
        """
        conditions, parameters = [], {}
        for option, given, sign in (("since", since, ">="), ("until", until, "<")):
            if given is not None:
                conditions.append(f"{identifier(self._time())} {sign} ${option}::TIMESTAMPTZ")
                parameters[option] = read_moment(option, given, watermark)
        for number, (column, value) in enumerate(where.items()):
            self._require(column)
            text, found = _condition(column, value, f"value_{number}", self.columns[column])
            conditions.append(text)
            parameters |= found
        filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"FROM {identifier(self.schema)}.{identifier(self.name)}{filtered}{self._order()}", parameters

    def _order(self) -> str:
        """Days in order, then what else tells rows of a day apart."""
        if self._day is None:
            return ""
        texts = [name for name, kind in self.columns.items() if kind == "VARCHAR"]
        return f" ORDER BY {', '.join(map(identifier, [self._day, *texts]))}"

    @property
    def _day(self) -> str | None:
        """The column of the day where there is a row per day, and not per task or record of it."""
        if not {"task_id", "record_text"}.isdisjoint(self.columns):
            return None
        return next((name for name in list(self.columns)[1:2] if name in DAYS), None)

    def _time(self) -> str:
        found = self._day or next((name for name in TIMES if name in self.columns), None)
        if found is None:
            raise UsageError(
                f"{self.schema}.{self.name} has no column that since and until compare. "
                f"Its columns: {', '.join(self.columns)}."
            )
        return found

    def _require(self, column: str) -> None:
        if column not in self.columns:
            raise UsageError(
                f"{self.schema}.{self.name} has no column {column!r}. Its columns: {', '.join(self.columns)}."
            )


def read_moment(name: str, given: Moment, watermark: Callable[[], datetime]) -> str:
    """A time as text for DuckDB; without a zone it is UTC.

    Args:
        name: The argument, for the message.
        given: A time, an ISO 8601 string, or a duration before the watermark.
        watermark: Gives the watermark.

    Raises:
        UsageError: It is not a time.
    """
    try:
        span = parse_duration(str(given))
    except ValueError:
        return _read_instant(name, given)
    return (watermark() - min(span, _LONGEST)).isoformat()


def _read_instant(name: str, given: Moment) -> str:
    try:
        return datetime.fromisoformat(str(given)).isoformat()
    except ValueError as error:
        raise UsageError(
            f"{name} {given!r} is not a time. Give a date, a datetime, a string such as 2026-11-24 or "
            "2026-11-24T06:00:00Z, or a duration before the watermark such as 7d or 36h."
        ) from error


def _condition(column: str, value: Value, name: str, kind: str) -> tuple[str, dict[str, Any]]:
    """A condition on one column, with its parameter."""
    if value is None:
        return f"{identifier(column)} IS NULL", {}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return f"list_contains(${name}::{kind}[], {identifier(column)})", {name: list(value)}
    return f"{identifier(column)} = ${name}", {name: value}
