"""Accounts for every record of a day: each is followed from raw to its row.

A record that the steps of ``versions_sql`` lost, or made two rows of, is found here, before any
partition is replaced.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import duckdb

from cbr_warehouse.errors import ConservationError

_FILED = """
WITH own AS (SELECT content_hash, day FROM filed WHERE day IN (SELECT unnest($days)))
SELECT day, count(*) FROM own ANTI JOIN contested USING (content_hash) GROUP BY day
UNION ALL
SELECT day, count(DISTINCT content_hash) FROM own SEMI JOIN contested USING (content_hash) GROUP BY day"""

_ALONE = "SELECT day, load_id, count(*) FROM alone WHERE is_as_filed GROUP BY day, load_id"

_EFFECTS = """
WITH own AS (
    SELECT content_hash, day, load_id, reason IS NOT NULL AS is_refused FROM texts
    WHERE day IN (SELECT unnest($days))),
loads AS (
    SELECT task_id, min(load_id) AS first_load, max(load_id) AS last_load FROM versions GROUP BY task_id),
followed AS (
    SELECT own.day, own.load_id, facts.content_hash = versions.version_hash AS is_first,
           versions.version = newest.version AS is_newest,
           own.load_id <> loads.first_load OR own.load_id <> loads.last_load AS is_held_otherwise
    FROM own
    JOIN facts ON facts.content_hash = own.content_hash AND facts.filed_under = own.day
    JOIN versions ON versions.task_id = facts.task_id AND versions.facts_hash = facts.facts_hash
    JOIN newest ON newest.task_id = facts.task_id
    JOIN loads ON loads.task_id = facts.task_id
    WHERE NOT own.is_refused),
classified AS (
    SELECT day, load_id, CASE WHEN NOT is_first THEN 'reprinted' WHEN NOT is_newest THEN 'superseded'
                              WHEN is_held_otherwise THEN 'changed' ELSE 'new' END AS effect FROM followed
    UNION ALL SELECT day, load_id, 'quarantined' FROM own WHERE is_refused)
SELECT day, load_id, count(*) FILTER (effect = 'new'), count(*) FILTER (effect = 'changed'),
       count(*) FILTER (effect = 'superseded'), count(*) FILTER (effect = 'reprinted'),
       count(*) FILTER (effect = 'quarantined')
FROM classified GROUP BY day, load_id"""


@dataclass(frozen=True)
class RecordOutcomes:
    """The outcomes of the distinct records of one load, each counted once.

    Attributes:
        new: Records with a task that was not stored before.
        changed: Records with a newer version of a stored task.
        superseded: Records whose version is not the newest.
        reprinted: Records with facts that were stored already, in another text.
        quarantined: Records that violate the contract.
    """

    new: int = 0
    changed: int = 0
    superseded: int = 0
    reprinted: int = 0
    quarantined: int = 0

    @property
    def records(self) -> int:
        """All of them."""
        return sum(astuple(self))

    def __add__(self, other: "RecordOutcomes") -> "RecordOutcomes":
        return RecordOutcomes(*(own + more for own, more in zip(astuple(self), astuple(other), strict=True)))


def follow_records(
    engine: duckdb.DuckDBPyConnection, source: str, days: Sequence[str], load_id: str | None
) -> dict[str, RecordOutcomes]:
    """Follows each distinct record of some days to its row.

    Args:
        engine: Holds the temporary tables of ``raw_view``, ``single_texts`` and ``versions_sql``.
        source: Name of the source.
        days: Days of the batch.
        load_id: The load whose outcomes are returned; every load's records are followed.

    Returns:
        Effects of the load by the day that records are filed under; a day without any has none.

    Raises:
        ConservationError: Some records have no row, or more than one.
    """
    filed: Counter[str] = Counter()
    for day, count in engine.execute(_FILED, {"days": days}).fetchall():
        filed[day] += count
    followed, own = dict.fromkeys(days, RecordOutcomes()), dict.fromkeys(days, RecordOutcomes())
    # What is alone of its task is in no other version: it is new.
    counted = engine.execute(_ALONE).fetchall() + engine.execute(_EFFECTS, {"days": days}).fetchall()
    for day, load, *counts in counted:
        followed[day] += RecordOutcomes(*counts)
        own[day] += RecordOutcomes(*counts) if load == load_id else RecordOutcomes()
    refuse_unaccounted(source, filed, followed)
    return own


def refuse_unaccounted(source: str, filed: Mapping[str, int], followed: Mapping[str, RecordOutcomes]) -> None:
    """Refuses to go on where not every filed record is accounted for exactly once.

    Args:
        source: Name of the source.
        filed: Records by the day they are filed under.
        followed: Their outcomes, by that day.

    Raises:
        ConservationError: Some day's counts differ.
    """
    wrong = [
        f"{day} ({filed.get(day, 0):,} filed, {outcomes.records:,} accounted for)"
        for day, outcomes in sorted(followed.items())
        if outcomes.records != filed.get(day, 0)
    ]
    if wrong:
        raise ConservationError(
            f"{source}: the tables would not account for every record received: {', '.join(wrong)}. Nothing "
            "was published; raw holds every record. This is a defect of cbr-warehouse: report it, and load "
            "again with a version that mends it."
        )
