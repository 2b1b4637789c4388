"""The state of each source as the warehouse has it: what ``cbr-warehouse status`` shows."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from cbr_warehouse.contract.day_reason import explain
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import WarehousePlace


@dataclass(frozen=True)
class DaysNotComplete:
    """Days of a source that are not complete for one reason.

    Attributes:
        state: Their state.
        reason: Why they are not complete.
        days: How many there are.
        first_day: The first of them; there may be others between.
        last_day: The last of them.
        why: The reason in words.
        remedy: What to do.
    """

    state: str
    reason: str | None
    days: int
    first_day: date
    last_day: date
    why: str | None
    remedy: str | None


@dataclass(frozen=True)
class SourceStatus:
    """The state of one source.

    Attributes:
        source: Its name.
        newest: created_at of the newest stored task, UTC.
        tasks: Number of stored tasks.
        open_tasks: Of those, tasks that have not ended.
        complete: Days that were found complete.
        incomplete: Days of which the source has more.
        unverified: Days that a load counted, whose counts prove nothing, and that the source may still
            have.
        lost: Days that left retention before they were complete.
        never_loaded: Days between the first one asked for and today that no load looked at.
        beyond_retention: Unverified or never loaded days that the source no longer has whole.
        quarantined: Records in quarantine that are not resolved.
        last_load: Id of the last load.
        last_load_at: When it began.
        last_outcome: Its outcome.
        last_message: What it failed with, if it did.
        hours_left: Hours until the oldest day that is not complete begins to leave what the
            source keeps; None if all days but today and those already leaving are complete.
        not_complete: Days that are not complete, today left out, by state and reason.
    """

    source: str
    newest: datetime | None
    tasks: int
    open_tasks: int
    complete: int
    incomplete: int
    unverified: int
    lost: int
    never_loaded: int
    beyond_retention: int
    quarantined: int
    last_load: str
    last_load_at: datetime
    last_outcome: str
    last_message: str | None
    hours_left: float | None
    not_complete: tuple[DaysNotComplete, ...] = ()


def read_status(place: WarehousePlace, kept_from: datetime) -> list[SourceStatus]:
    """The state of every source that was ever loaded, by name.

    Args:
        place: The published warehouse.
        kept_from: Since when the sources still have their tasks.

    Raises:
        WarehouseError: There is no published warehouse.
    """
    sql = files("cbr_warehouse.warehouse").joinpath("status.sql").read_text(encoding="utf-8")
    with open_published(place) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(sql, {"kept_from": kept_from}).fetchall()
    return [replace(SourceStatus(*row[:-1]), not_complete=tuple(map(_not_complete, row[-1]))) for row in rows]


def _not_complete(row: dict[str, Any]) -> DaysNotComplete:
    explained = explain(row["state"], row["reason"])
    why, remedy = (explained.why, explained.remedy) if explained else (None, None)
    return DaysNotComplete(**row, why=why, remedy=remedy)
