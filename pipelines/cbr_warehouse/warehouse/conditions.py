"""What must hold of the published warehouse for its numbers to be trusted: days, ages, quarantine, disk.

Keys and references of the tables are in ``checks``; those must hold before anything is published, while what
is found here is published and reported. Each condition is examined for all sources together.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from cbr_warehouse.amounts import amount
from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.storage.files import free_bytes_of
from cbr_warehouse.warehouse.conservation import find_unaccounted
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.status import DaysNotComplete, SourceStatus, read_status

NEW_KEYS = timedelta(days=3)
"""How long a key of the records that no column names counts as new."""

RECENTLY_LOST = RETENTION + timedelta(days=7)
"""Days that were lost before stay lost, and are reported no longer."""

SPARE_BYTES = 1_000_000_000
"""Free space that is needed beside twice the published file."""


@dataclass(frozen=True)
class Limits:
    """From when on something is reported.

    Attributes:
        newest_task: Age of a source's newest task.
        unverified: Age of an unverified day.
        quarantined: Age of a record in quarantine.
        retention_left: Time until a day that is not complete leaves the source.
    """

    newest_task: timedelta
    unverified: timedelta
    quarantined: timedelta
    retention_left: timedelta


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        table: The table it is about.
        description: What must hold.
        remedy: What to do where it does not.
        is_serious: Whether data is missing or in danger, rather than only in doubt.
    """

    table: str
    description: str
    remedy: str
    is_serious: bool = True


CONDITIONS: Mapping[str, Condition] = {
    "days_complete": Condition(
        "coverage",
        "No source has more records of a day than are stored, and no day was lost within the last week.",
        "Run 'cbr-warehouse load --deep'; the table coverage has the days and reasons.",
    ),
    "no_gaps": Condition(
        "coverage",
        "Every day that the source still has was looked at by a load.",
        "Run 'cbr-warehouse load'; 'cbr-warehouse status' names the days.",
    ),
    "verified_in_time": Condition(
        "coverage",
        "No day stays unverified for long.",
        "'cbr-warehouse status' gives the reason and what to do.",
        is_serious=False,
    ),
    "retention_clock": Condition(
        "coverage",
        "No day that is not complete leaves its source soon.",
        "Run 'cbr-warehouse load'; what leaves the source before it is loaded is lost.",
    ),
    "raw_undamaged": Condition(
        "coverage",
        "No day lacks records because files of raw were damaged.",
        "Restore the files from a backup, or load the days again while the source has them.",
    ),
    "newest_task_age": Condition(
        "tasks",
        "The newest task of each source is recent: its backups run.",
        "Look at the policies of the vaults in the console, then at the view missed_backups.",
    ),
    "schema_unchanged": Condition(
        "tasks",
        f"No record of the last {NEW_KEYS.days} days has a key that no column and no earlier record has.",
        "The values are in tasks.extra, and nothing is lost; see CONTRIBUTING.md for how to add a column.",
        is_serious=False,
    ),
    "quarantine_short": Condition(
        "quarantine",
        "No record stays in quarantine for long.",
        "'cbr-warehouse quarantine list' shows the records with their reasons.",
        is_serious=False,
    ),
    "conservation": Condition(
        "loads",
        "Each record that the loads of the last day received is stored, in quarantine or a repeat, and each "
        "day has as many tasks as are held.",
        "Run 'cbr-warehouse verify', which names what is wrong, then 'cbr-warehouse rebuild'.",
    ),
    "free_disk": Condition(
        "loads",
        "There is room to publish the warehouse once more, and 1 GB.",
        "Free space, or move data_dir.",
    ),
}
"""Every condition by its name, which users select and mute by: none is renamed."""


@dataclass(frozen=True)
class Violations:
    """Where a condition does not hold.

    Attributes:
        by_source: What was found, by source; empty where it holds. An empty name is of no source.
    """

    by_source: Mapping[str, str]


def examine(path: Path, now: datetime, limits: Limits) -> dict[str, Violations]:
    """Examines all conditions.

    Args:
        path: The published warehouse.
        now: The present, UTC.
        limits: From when on something is reported.

    Raises:
        WarehouseError: There is no published warehouse.
    """
    sources = read_status(path, now - RETENTION)
    of_status: dict[str, Callable[[SourceStatus], str | None]] = {
        "days_complete": lambda one: _not_complete(one, now),
        "no_gaps": _never_loaded,
        "verified_in_time": lambda one: _unverified(one, now, limits),
        "retention_clock": lambda one: _leaving(one, limits),
        "raw_undamaged": _damaged,
        "newest_task_age": lambda one: _old(one, now, limits),
    }
    found = {
        name: {one.source: said for one in sources if (said := judge(one)) is not None}
        for name, judge in of_status.items()
    }
    with open_published(path) as connection:
        found["conservation"] = dict(find_unaccounted(connection, now))
        found["schema_unchanged"] = dict(_new_keys(connection, now))
        found["quarantine_short"] = dict(_quarantined(connection, now - limits.quarantined))
    found["free_disk"] = _disk(path)
    return {name: Violations(by_source) for name, by_source in found.items()}


def _not_complete(status: SourceStatus, now: datetime) -> str | None:
    oldest = (now - RECENTLY_LOST).date()
    found = [
        one
        for one in status.not_complete
        if one.state == DayState.INCOMPLETE or (one.state == DayState.LOST and one.last_day >= oldest)
    ]
    return "; ".join(_days(one) for one in found) or None


def _never_loaded(status: SourceStatus) -> str | None:
    return f"{amount(status.never_loaded, 'days')} never looked at" if status.never_loaded else None


def _days(found: DaysNotComplete) -> str:
    days = amount(found.days, "days")
    until = "" if found.last_day == found.first_day else f" to {found.last_day}"
    return f"{days} {found.state} ({found.reason}): {found.first_day}{until}"


def _unverified(status: SourceStatus, now: datetime, limits: Limits) -> str | None:
    if not status.unverified:
        return None
    newest = (now - limits.unverified).date()
    found = [
        one
        for one in status.not_complete
        if one.state == DayState.UNVERIFIED
        and one.reason != DayReason.EDGE_OF_RETENTION
        and one.first_day < newest
        and one.last_day >= (now - RETENTION).date()
    ]
    return "; ".join(_days(one) for one in found) or None


def _leaving(status: SourceStatus, limits: Limits) -> str | None:
    left = status.hours_left
    if left is None or left >= limits.retention_left / timedelta(hours=1):
        return None
    return f"{left:.0f} hours until a day that is not complete begins to leave the source"


def _damaged(status: SourceStatus) -> str | None:
    found = [one for one in status.not_complete if one.reason == DayReason.DAMAGED_RAW]
    return "; ".join(_days(one) for one in found) or None


def _old(status: SourceStatus, now: datetime, limits: Limits) -> str | None:
    if status.newest is None or now - status.newest <= limits.newest_task:
        return None
    return f"the newest task is of {status.newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _new_keys(connection: duckdb.DuckDBPyConnection, now: datetime) -> Iterator[tuple[str, str]]:
    rows = connection.execute(
        """
        WITH leaf AS (
            SELECT source, created_at, regexp_replace(key.fullkey, '\\[[0-9]+\\]', '[]', 'g')[3:] AS path
            FROM tasks, json_tree(extra) AS key
            WHERE extra <> '{}' AND created_at >= $oldest AND key.type NOT IN ('OBJECT', 'ARRAY')
        ), since AS (SELECT source, min(created_at) AS began FROM tasks GROUP BY source),
        added AS (
            SELECT source, path FROM leaf JOIN since USING (source)
            GROUP BY source, path HAVING min(created_at) >= $new AND any_value(began) < $new
        )
        SELECT source, string_agg(path, ', ' ORDER BY path) FROM added GROUP BY source""",
        {"oldest": now - RETENTION, "new": now - NEW_KEYS},
    ).fetchall()
    for source, paths in rows:
        yield source, f"new keys: {paths}"


def _quarantined(connection: duckdb.DuckDBPyConnection, before: datetime) -> Iterator[tuple[str, str]]:
    rows = connection.execute(
        "SELECT source, count(*), min(first_seen_at)::DATE FROM quarantine "
        "WHERE resolved_at IS NULL AND first_seen_at < ? GROUP BY source",
        [before],
    ).fetchall()
    for source, count, since in rows:
        yield source, f"{amount(count, 'records')} in quarantine, the oldest since {since}"


def _disk(path: Path) -> dict[str, str]:
    free, needed = free_bytes_of(path.parent), 2 * path.stat().st_size + SPARE_BYTES
    return {} if free >= needed else {"": f"{free:,} bytes are free in {path.parent}, {needed:,} are needed"}
