"""The settings of the analytics that a warehouse was published with, read from it."""

from datetime import datetime
from typing import Any

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.settings.analytics import THRESHOLDS, AnalyticsSettings, ScheduleOverride, SourceClock


def read_published_settings(published: duckdb.DuckDBPyConnection) -> AnalyticsSettings:
    """Reads the settings.

    Args:
        published: The published warehouse.

    Raises:
        WarehouseError: Another version published it, with other settings.
    """
    try:
        (row,) = _rows(published, "SELECT * FROM analytics.settings")
        overrides = _rows(published, "SELECT * FROM analytics.schedule_override ORDER BY ALL")
        clocks = _rows(published, "SELECT * FROM analytics.configured_clock ORDER BY ALL")
        thresholds = {name: row[name] for name in THRESHOLDS}
    except (duckdb.CatalogException, KeyError) as error:
        raise WarehouseError(
            "The warehouse was published by another version of cbr-warehouse. "
            "Run 'cbr-warehouse load' or 'cbr-warehouse rebuild' once, then report again."
        ) from error
    return AnalyticsSettings(
        timezone=row["timezone"],
        day_anchor=(datetime.min + row["day_anchor"]).time(),  # noqa: DTZ901  a span since midnight, no moment
        schedules=tuple(ScheduleOverride(**one) for one in overrides),
        clocks=tuple(
            SourceClock(
                one["source"],
                one["timezone"],
                None if one["day_anchor"] is None else (datetime.min + one["day_anchor"]).time(),  # noqa: DTZ901
            )
            for one in clocks
        ),
        **thresholds,
    )


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
