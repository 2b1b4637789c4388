"""Days gathered into weeks, where a plot has more of them than can be told apart."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

MOST_DAYS = 120
"""How many days a plot shows one by one."""

Rows = list[dict[str, Any]]


def is_long(rows: Rows) -> bool:
    """Whether rows with a ``backup_day`` span more days than a plot shows one by one."""
    days = [row["backup_day"] for row in rows]
    return bool(days) and (max(days) - min(days)).days >= MOST_DAYS


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def gather_rates(rows: Rows) -> Rows:
    """Rows of the query ``trend`` by week, their rates from the sums."""
    sums = ("protected", "windows", "first_ok", "first_verdicts")
    return [
        row
        | {
            "final_success_rate": row["protected"] / row["windows"] if row["windows"] else None,
            "first_attempt_success_rate": row["first_ok"] / row["first_verdicts"]
            if row["first_verdicts"]
            else None,
        }
        for row in gather(rows, sums)
    ]


def gather(rows: Rows, sums: Iterable[str], keys: Iterable[str] = ()) -> Rows:
    """Rows by week: ``backup_day`` is its Monday.

    Args:
        rows: Rows with a ``backup_day``.
        sums: Columns to add up.
        keys: Other columns that tell rows of a week apart.
    """
    names, columns = tuple(keys), tuple(sums)
    weeks: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        week = week_of(row["backup_day"])
        found = weeks.setdefault(
            (week, *(row[name] for name in names)),
            {"backup_day": week, **{name: row[name] for name in names}, **dict.fromkeys(columns, 0)},
        )
        for column in columns:
            found[column] += row[column]
    return list(weeks.values())
