"""The state of each source as the warehouse has it: what ``cbr-warehouse status`` shows."""

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from cbr_warehouse.warehouse.published_file import open_published


@dataclass(frozen=True)
class SourceStatus:
    """The state of one source.

    Attributes:
        source: Its name.
        newest: created_at of the newest task held.
        tasks: Tasks held.
        open_tasks: Of those, tasks that have not ended.
        complete: Days proved complete.
        incomplete: Days of which the source has more.
        unverified: Days looked at whose counts prove nothing.
        lost: Days that left retention unproven.
        never_loaded: Days between the first one asked for and today that no load looked at.
        quarantined: Records in quarantine that are not resolved.
        last_load: Id of the last load.
        last_load_at: When it began.
        last_outcome: What came of it.
        last_message: What went wrong with it, if anything did.
        hours_left: Hours until the oldest day that is not proved begins to leave what the
            source keeps; None if all days but today and those already leaving are proved.
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
    quarantined: int
    last_load: str
    last_load_at: datetime
    last_outcome: str
    last_message: str | None
    hours_left: float | None


def read_status(path: Path, kept_from: datetime) -> list[SourceStatus]:
    """The state of every source that was ever loaded, by name.

    Args:
        path: The published warehouse.
        kept_from: Since when the sources still have their tasks.

    Raises:
        WarehouseError: There is none.
    """
    sql = files("cbr_warehouse.warehouse").joinpath("status.sql").read_text(encoding="utf-8")
    with open_published(path) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(sql, {"kept_from": kept_from}).fetchall()
    return [SourceStatus(*row) for row in rows]
