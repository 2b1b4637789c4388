"""The periods before a report's own: which the data covers, and how a figure ranks among theirs."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from statistics import median
from typing import Any

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.period import Period

_BEGINS = """
SELECT day, timezone($timezone, day::TIMESTAMP + $day_anchor) AS begins_at
FROM (SELECT unnest($starts::DATE[]) AS day)
"""


@dataclass(frozen=True)
class Rank:
    """How a value compares with those of earlier periods.

    Attributes:
        better_than: How many of them it is better than.
        periods: How many there are.
        median: Their median.
    """

    better_than: int
    periods: int
    median: float


def rank(value: float, earlier: list[float], *, more_is_better: bool) -> Rank | None:
    """Compares a value with those of earlier periods; None for fewer than two.

    Args:
        value: Of the period itself.
        earlier: Of the earlier ones.
        more_is_better: Whether the greater is the better.
    """
    if len(earlier) < 2:
        return None
    worse = sum(one < value if more_is_better else one > value for one in earlier)
    return Rank(worse, len(earlier), median(earlier))


def earlier_parameters(warehouse: Warehouse, period: Period) -> list[dict[str, Any] | None]:
    """Query parameters of the earlier periods, the oldest first; None where data does not cover one whole.

    Args:
        warehouse: The warehouse.
        period: The period itself.
    """
    used = {name: period.parameters[name] for name in ("starts", "timezone", "day_anchor")}
    rows = warehouse.sql(_BEGINS, used, as_="arrow").to_pylist()
    begins: list[tuple[date, datetime]] = sorted((row["day"], row["begins_at"]) for row in rows)
    found: list[dict[str, Any] | None] = []
    for (from_day, from_at), (to_day, to_at) in list(pairwise(begins))[:-1]:
        is_covered = period.log_from_at is not None and period.log_from_at <= from_at
        span = {"from_day": from_day, "to_day": to_day, "from_at": from_at, "to_at": to_at}
        found.append(span if is_covered else None)
    return found
