"""Whether the published warehouse accounts for every record that loads received: none vanished, none doubled.

By the numbers in the file alone: of each load, and of each day. ``integrity`` follows each record from raw to
its row, which takes longer.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

import duckdb

from cbr_warehouse.contract.day_reason import DayReason

LOOK_BACK = timedelta(days=1)
"""Loads that began before are looked at no longer: a load's numbers are written once."""

_OF_LOADS = f"""
SELECT source, load_id, records, new + changed + superseded + repeats + quarantined AS accounted
FROM loads
WHERE outcome = 'done' AND started_at >= $since AND records <> accounted
  -- Records of a day whose raw is damaged become rows once it is repaired; raw_undamaged reports it.
  AND source NOT IN (SELECT source FROM coverage WHERE reason = '{DayReason.DAMAGED_RAW}')
ORDER BY load_id"""

_OF_DAYS = """
WITH stored AS (SELECT source, day, count(*) AS tasks FROM tasks WHERE day IS NOT NULL GROUP BY source, day)
SELECT source, day, held, coalesce(tasks, 0)
FROM coverage LEFT JOIN stored USING (source, day)
WHERE held <> coalesce(tasks, 0)
ORDER BY day"""


def find_unaccounted(connection: duckdb.DuckDBPyConnection, now: datetime) -> Mapping[str, str]:
    """What is not accounted for, by source; empty if everything is.

    Args:
        connection: The published warehouse.
        now: The present, UTC.
    """
    found = defaultdict(list)
    for source, load_id, records, accounted in connection.execute(
        _OF_LOADS, {"since": now - LOOK_BACK}
    ).fetchall():
        found[source].append(
            f"load {load_id} received {records:,} records, of which {accounted:,} are accounted for"
        )
    for source, day, held, tasks in connection.execute(_OF_DAYS).fetchall():
        found[source].append(f"{held:,} tasks of {day} are held, and the table tasks has {tasks:,}")
    return {source: "; ".join(_first(said)) for source, said in found.items()}


def _first(said: list[str]) -> list[str]:
    """The first sentences, and how many there are besides: the message of an alert has to be short."""
    return said if len(said) <= 3 else [*said[:3], f"and {len(said) - 3} more"]
