"""What every page needs to know of the warehouse: its watermark, its zone and its newest backup day."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cbr_warehouse.page.columns import Column
from cbr_warehouse.page.parts import Section, table
from cbr_warehouse.page.queries import Parameters
from cbr_warehouse.page.snapshots import Result, Snapshot


@dataclass(frozen=True)
class Situation:
    """A snapshot, and what every page needs to know of it.

    Attributes:
        snapshot: The snapshot.
        as_of: The watermark, UTC; None before the first finished load.
        zone: The zone that times are shown in.
        newest_day: The newest backup day; None where no backup was ever tried.
        strikes: From how many failures in a row a resource counts as failing repeatedly.
    """

    snapshot: Snapshot
    as_of: datetime | None
    zone: tzinfo
    newest_day: date | None
    strikes: int

    def run(self, name: str, parameters: Parameters | None = None) -> Result:
        """Runs a query of the page."""
        return self.snapshot.run(name, parameters)

    def listed(
        self,
        name: str,
        title: str,
        values: Parameters,
        columns: tuple[Column, ...],
        empty: str,
        first_rows: str = "The newest {shown} of {total:,}.",
    ) -> Section:
        """A section with the table of a query; a sentence where it has no rows, or only the first of them."""
        result = self.run(name, values)
        shown, total = len(result.rows), result.rows[0].get("total", 0) if result.rows else 0
        note = first_rows.format(shown=shown, total=total) if total > shown else ""
        return replace(self.table(name, title, result, *columns), empty=empty, note=note)

    def table(self, name: str, title: str, result: Result, *columns: Column) -> Section:
        """A section with a table of a result."""
        return table(name, title, result, columns, self.zone)


def read_situation(snapshot: Snapshot) -> Situation:
    """Reads what every page needs to know."""
    (row,) = snapshot.run("now").rows
    return Situation(snapshot, row["as_of"], _zone(row["timezone"]), row["newest_day"], row["strikes"])


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # of a machine without that zone
        return UTC
