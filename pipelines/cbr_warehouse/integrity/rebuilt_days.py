"""Tables: checksums of partitions, a row for every record of raw, and days made again and compared."""

from collections.abc import Collection, Sequence

import duckdb

from cbr_warehouse.contract.columns import Column, Contract
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.errors import ConservationError
from cbr_warehouse.integrity.finding import Check, Finding, Verified
from cbr_warehouse.storage.files import is_file
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.accounting import follow_records
from cbr_warehouse.tables.build_state import (
    DayInputs,
    MovedTasks,
    day_inputs,
    days_ordered_by_sight,
    made_from,
    read_moved,
    tied_fingerprints,
)
from cbr_warehouse.tables.engine import parquet
from cbr_warehouse.tables.make_days import batches, flatten
from cbr_warehouse.tables.partition_files import find_broken
from cbr_warehouse.tables.partition_writer import PARTITIONED, TEXTS, partition_columns, partition_rows
from cbr_warehouse.tables.raw_view import RawView, drop_batch

_UNACCOUNTED = """
SELECT day, count(*), count(*) FILTER (content_hash NOT IN (
    SELECT version_hash FROM {versions} WHERE version_hash IS NOT NULL
    UNION ALL SELECT content_hash FROM {texts}))
FROM {records} GROUP BY day"""
"""A text that is the whole of its version has its hash there; any other has a row of ``TEXTS``."""

_NOTHING = "(SELECT NULL::VARCHAR AS version_hash, NULL::VARCHAR AS content_hash WHERE false)"

_AGAIN = "Run 'cbr-warehouse rebuild', which makes all tables again from raw."

Digests = dict[tuple[str, str], tuple[int, int]]
"""Number of rows, and a digest of all cells, by table and day."""


class TableVerification:
    """Verifies the partitions of a source; their files are only read.

    Args:
        engine: An engine in memory.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.

    Attributes:
        found: The result so far.
    """

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, directory: DataDirectory, source: str, contract: Contract
    ) -> None:
        self.found = Verified()
        self._engine = engine
        self._directory = directory
        self._source = source
        self._contract = contract
        self._inputs = {day: day_inputs(directory, source, day, contract) for day in directory.days(source)}
        self._moved = read_moved(directory, source) or MovedTasks()

    def run(self, days: Sequence[str], rebuilt: Collection[str]) -> Digests:
        """Verifies some days.

        Args:
            days: The days, whose raw files are sound.
            rebuilt: Those of them to make again from raw, in memory, and to compare row by row.

        Returns:
            What the partitions hold, of the days that are as they should be.
        """
        self.found.amount.days += len(days)
        sound = self._sound(days)
        for batch in batches([self._inputs[day] for day in sound]):
            for inputs in batch:
                self._follow(inputs)
        digests = self._stored(sound)
        view = RawView(self._engine, self._directory, self._source, self._contract, self._inputs)
        for batch in batches([self._inputs[day] for day in sound if day in rebuilt]):
            self._rebuild(view, batch, digests)
        wrong = {finding.day for finding in self.found.findings}
        return {place: digest for place, digest in digests.items() if place[1] not in wrong}

    def _report(self, check: Check, day: str, what: str) -> None:
        self.found.findings.append(Finding(check, self._source, day, what))

    def _sound(self, days: Sequence[str]) -> list[str]:
        """The days whose partitions are as they were written, and made of the raw files of now."""
        by_sight = days_ordered_by_sight(self._directory, self._source, self._inputs)
        wanted = tied_fingerprints(self._inputs, self._moved, by_sight)
        broken = find_broken(self._directory, self._source, days)
        sound = []
        for day in days:
            if day in broken:
                self._report(Check.TABLE_CHECKSUM, day, f"{broken[day]} {_AGAIN}")
            elif made_from(self._directory, self._source, day) != wanted.get(day):
                what = (
                    f"{self._directory.tables}: {day} of {self._source} is not made of its raw files as they "
                    "are, or by an earlier version. A load makes it."
                )
                self._report(Check.TABLE_BEHIND, day, what)
            else:
                sound.append(day)
        return sound

    def _follow(self, inputs: DayInputs) -> None:
        """Looks for the row of each record of a day, in the partitions of that day."""
        if not inputs.records:
            return
        places = {
            name: self._directory.partition(table, self._source, inputs.day)
            for name, table in (("versions", "task_versions"), ("texts", TEXTS))
        }
        sides = {name: parquet([path]) if is_file(path) else _NOTHING for name, path in places.items()}
        query = _UNACCOUNTED.format(records=parquet(inputs.records), **sides)
        for day, records, lacking in self._engine.execute(query).fetchall():
            self.found.amount.records += records
            if lacking:
                what = f"{lacking:,} of {records:,} records of {day} of {self._source} have no row. {_AGAIN}"
                self._report(Check.CONSERVATION, day, f"{self._directory.tables}: {what}")

    def _rebuild(self, view: RawView, batch: list[DayInputs], stored: Digests) -> None:
        """Makes days again in memory, and compares what that gives with the partitions."""
        days = [inputs.day for inputs in batch]
        flatten(self._engine, view, self._contract, batch, self._moved)
        try:
            follow_records(self._engine, self._source, days, None)
        except ConservationError as error:
            self._report(Check.CONSERVATION, days[0], str(error))
        made: Digests = {}
        for table in PARTITIONED:
            made |= self._digests(table, f"({partition_rows(self._contract, table, days)})")
        drop_batch(self._engine)
        self.found.amount.days_rebuilt += len(days)
        for table, day in ((table, day) for table in PARTITIONED for day in days):
            held, again = stored.get((table, day), (0, 0)), made.get((table, day), (0, 0))
            if held != again:
                what = (
                    f"{self._directory.partition(table, self._source, day)}: its {held[0]:,} rows are not "
                    f"the {again[0]:,} that its raw files give. {_AGAIN}"
                )
                self._report(Check.TABLE_CONTENT, day, what)

    def _stored(self, days: Sequence[str]) -> Digests:
        """What the partitions of some days hold."""
        found: Digests = {}
        for table in PARTITIONED:
            paths = (self._directory.partition(table, self._source, day) for day in days)
            if files := [path for path in paths if is_file(path)]:
                found |= self._digests(table, parquet(files))
        return found

    def _digests(self, table: str, rows: str) -> Digests:
        digest = row_digest(partition_columns(self._contract, table))
        query = f"SELECT day, count(*), {digest} FROM {rows} GROUP BY day"
        return {
            (table, day): (int(count), int(total))
            for day, count, total in self._engine.execute(query).fetchall()
        }


def row_digest(columns: Sequence[Column]) -> str:
    """SQL of a digest over all cells of a group of rows, whatever their order."""
    cells = ", ".join(f"{identifier(column.name)}::{SQL_TYPES[column.type]}" for column in columns)
    return f"coalesce(sum(hash({cells})::HUGEINT), 0)"
