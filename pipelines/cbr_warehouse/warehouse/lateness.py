"""How late news of each source comes, and how probably recent days are final, for ``cbr-warehouse status``.

The definitions are those of the views ``analytics.lateness`` and ``analytics.day_finality``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar

import duckdb

from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import WarehousePlace


@dataclass(frozen=True)
class LatenessMeasure:
    """One row of ``analytics.lateness``, as the view describes its columns; values are whole seconds."""

    source: str
    measure: str
    tasks: int
    watched: int
    late: int
    pending: int
    left_out: int
    p50_at_least_seconds: int | None
    p50_at_most_seconds: int | None
    p99_at_least_seconds: int | None
    p99_at_most_seconds: int | None
    p9999_at_least_seconds: int | None
    p9999_at_most_seconds: int | None
    max_at_least_seconds: int | None
    max_at_most_seconds: int | None


@dataclass(frozen=True)
class DayFinality:
    """One row of ``analytics.day_finality``, as the view describes its columns."""

    source: str
    day: date
    state: str
    hours_since_end: int
    open_tasks: int
    days_measured: int
    days_final: int
    probability_final: float | None


@dataclass(frozen=True)
class NewsDelays:
    """How late news comes, of all sources with a finished load.

    Attributes:
        lateness: A row per source and measure.
        days: A row per source and recent UTC day, in order.
    """

    lateness: tuple[LatenessMeasure, ...] = ()
    days: tuple[DayFinality, ...] = ()


Row = TypeVar("Row", LatenessMeasure, DayFinality)


def read_delays(place: WarehousePlace) -> NewsDelays:
    """Reads both views; nothing from a warehouse that an earlier version published without them.

    Args:
        place: The published warehouse.

    Raises:
        WarehouseError: There is no published warehouse.
    """
    with open_published(place) as connection:
        try:
            lateness = _read(connection, "lateness", LatenessMeasure)
            days = _read(connection, "day_finality", DayFinality)
        except duckdb.CatalogException:
            return NewsDelays()
    return NewsDelays(tuple(lateness), tuple(days))


def _read(connection: duckdb.DuckDBPyConnection, view: str, kind: type[Row]) -> Sequence[Row]:
    columns = ", ".join(field.name for field in fields(kind))
    rows: list[tuple[Any, ...]] = connection.execute(f"SELECT {columns} FROM analytics.{view}").fetchall()
    return [kind(*row) for row in rows]
