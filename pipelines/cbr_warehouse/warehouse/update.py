"""Brings a warehouse file up to tables and ledgers; a source with damaged files stays as published."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import duckdb

from cbr_warehouse.analytics.build import bring_up, is_current
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.transactions import commit
from cbr_warehouse.tables.engine import limit_memory
from cbr_warehouse.warehouse.checks import check_days
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.inventory import (
    ROWS_OF_INVENTORY,
    bring_up_inventory,
    changed_inventories,
    remove_inventory,
)
from cbr_warehouse.warehouse.last_seen import update_last_seen
from cbr_warehouse.warehouse.ledger_rows import SourceLedgers, read_ledgers, replace_ledger_rows
from cbr_warehouse.warehouse.partitions import (
    broken_partitions,
    changed_partitions,
    replace_partitions,
)
from cbr_warehouse.warehouse.published_rows import ALL_TABLES, LEDGER_TABLES, keep_published_rows

logger = logging.getLogger(__name__)

ANALYTICS_MEMORY_MB = 90
"""What the analytics of a small warehouse may take before they spill to disk."""

TASKS_PER_MB = 3000
"""What is made at once of as many tasks more takes a megabyte more."""

HELD_TASKS_PER_MB = 90_000
"""To change base tables keeps something of each of their row groups in memory: 80 MB of 10 million tasks."""

QUARANTINE_RESOLVED = """
UPDATE quarantine SET resolved_at = found.resolved_at
FROM (
    SELECT q.rowid AS place,
           min(greatest(v.first_seen_at, q.first_seen_at)) FILTER (v.task_id IS NOT NULL) AS resolved_at
    FROM quarantine AS q LEFT JOIN task_versions AS v ON v.source = q.source AND v.task_id = q.task_id
    GROUP BY q.rowid) AS found
WHERE quarantine.rowid = found.place AND quarantine.resolved_at IS DISTINCT FROM found.resolved_at
"""
"""Resolved since both the broken record and a sound version of its task were seen: a repeated sighting
changes nothing.
"""


@dataclass
class Publication:
    """What a publication could not bring up to date.

    Attributes:
        held_back: Why rows of a source stay as they were published, or are left out, by source.
        broken: Days whose partition files are missing or damaged, by source; ``tables`` can make them again.
    """

    held_back: dict[str, str] = field(default_factory=dict)
    broken: dict[str, tuple[str, ...]] = field(default_factory=dict)


class WarehouseUpdate:
    """One update of an attached warehouse file.

    The file is updated in several transactions: no reader opens it before its atomic rename, and many
    small commits need half the memory of a large one.

    Args:
        connection: An engine with the file attached and in use.
        directory: The data directory.
        contract: The contract.
        analytics: The settings of the analytics.
        fresh: Whether the file is empty.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        directory: DataDirectory,
        contract: Contract,
        analytics: AnalyticsSettings,
        *,
        fresh: bool,
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._contract = contract
        self._analytics = analytics
        self._fresh = fresh
        self._publication = Publication()
        self._left_out: set[str] = set()

    def run(self, megabytes: int) -> Publication:
        """Updates the file.

        Args:
            megabytes: What the analytics may take at least.

        Returns:
            What stays as it was published.

        Raises:
            WarehouseError: A key is not unique or a reference dangles.
        """
        connection = self._connection
        changed, others = self.fill_tables(self._directory.sources_with_raw())
        if is_current(connection, self._analytics):
            megabytes = max(analytics_megabytes(connection, changed), megabytes)
        # Whole base tables are made in shares of one size; to set a limit also frees what the tables left.
        limit_memory(connection, megabytes)
        bring_up(connection, self._analytics, changed, others=others)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
        return self._publication

    @property
    def publication(self) -> Publication:
        """What stays as it was published, of what was done so far."""
        return self._publication

    def fill_tables(self, sources: tuple[str, ...]) -> tuple[Collection[tuple[str, str]], Collection[str]]:
        """Brings up all tables but those of the analytics, and leaves a transaction open.

        Args:
            sources: The sources that are to be in the file.

        Returns:
            The changed partitions (source, day), and the other tables that have other rows.

        Raises:
            WarehouseError: A key is not unique or a reference dangles.
        """
        connection = self._connection
        connection.execute("BEGIN")
        if self._fresh:
            for statement in create_statements(self._contract):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO meta.contract VALUES ($1)", [self._contract.warehouse_fingerprint]
            )
            commit(connection)
        ledgers = self._read_ledgers(sources)
        changed = changed_partitions(connection, self._directory, [*set(sources) - self._left_out])
        changed = self._without_broken(changed)
        if changed:
            replace_partitions(connection, self._directory, self._contract, changed)
        self._update_last_seen([source for source in sources if source not in self._left_out], changed)
        if changed:
            connection.execute(QUARANTINE_RESOLVED)
        held_back = self._publication.held_back
        sound = {source: own for source, own in ledgers.items() if source not in held_back}
        replace_ledger_rows(connection, self._contract, sound, held_back)
        check_days(connection, self._contract, sorted({day for _, day in changed}))
        others = self._update_inventories([source for source in sources if source not in self._left_out])
        commit(connection)
        return changed, others

    def _update_last_seen(self, sources: list[str], changed: dict[tuple[str, str], str]) -> None:
        """Sets ``last_seen_at``; of a source whose files cannot be read it stays as it is."""
        for source in sources:
            commit(self._connection)
            try:
                update_last_seen(self._connection, self._directory, [source], changed)
            except StorageError as error:
                self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN")
                self._publication.held_back[source] = f"{error} Its last_seen_at stays as it was published."
                logger.warning("%s: %s", source, self._publication.held_back[source])

    def _update_inventories(self, sources: list[str]) -> set[str]:
        """Brings the inventories up; of a source whose files cannot be read it stays as published.

        Returns:
            The tables that have other rows, as ``bring_up_inventory`` names them.
        """
        news: set[str] = set()
        for source in sources:
            commit(self._connection)
            try:
                for name, one in changed_inventories(self._connection, self._directory, [source]).items():
                    news |= bring_up_inventory(self._connection, self._directory, self._contract, name, one)
            except StorageError as error:
                self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN")
                if self._fresh and not keep_published_rows(
                    self._connection, self._directory, source, ROWS_OF_INVENTORY
                ):
                    remove_inventory(self._connection, source)
                sentence = f"{error} Its inventory stays as it was published."
                self._publication.held_back.setdefault(source, sentence)
                logger.warning("%s: %s", source, sentence)
        return news

    def _read_ledgers(self, sources: tuple[str, ...]) -> Mapping[str, SourceLedgers]:
        """The ledgers of the sources; where one is damaged, ``loads`` and ``coverage`` stay as published."""
        found = {}
        for source in sources:
            try:
                found[source] = read_ledgers(self._connection, self._directory, source)
            except StorageError as error:
                self._hold_back(source, str(error), LEDGER_TABLES)
        return found

    def _without_broken(self, changed: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
        """The partitions of sources whose changed files are all sound; the others stay as published."""
        broken = broken_partitions(self._directory, changed)
        for source, days in broken.items():
            self._publication.broken[source] = tuple(days)
            self._hold_back(source, next(iter(days.values())), ALL_TABLES)
        return {place: fingerprint for place, fingerprint in changed.items() if place[0] not in broken}

    def _hold_back(self, source: str, reason: str, tables: tuple[tuple[str, str], ...]) -> None:
        """Lets the rows of a source stay as published, or leaves it out where none can be read."""
        outcome = "Its rows stay as they were published."
        if self._fresh and source not in self._left_out:
            if source in self._publication.held_back:  # its rows from the ledgers were kept already
                tables = tuple(table for table in tables if table not in LEDGER_TABLES)
            commit(self._connection)
            if not keep_published_rows(self._connection, self._directory, source, tables):
                self._leave_out(source)
        if source in self._left_out:
            outcome = "It is left out of the warehouse, because no readable one was published before."
        sentence = f"{reason} {outcome}"
        logger.warning("%s: %s", source, sentence)
        self._publication.held_back[source] = sentence

    def _leave_out(self, source: str) -> None:
        """Leaves no row of a source: its tasks without its coverage would look like all there are."""
        self._left_out.add(source)
        for schema, table in ALL_TABLES:
            self._connection.execute(f"DELETE FROM {schema}.{table} WHERE source = $1", [source])
        remove_inventory(self._connection, source)


def analytics_megabytes(connection: duckdb.DuckDBPyConnection, changed: Collection[tuple[str, str]]) -> int:
    """What it may take to bring the analytics of a warehouse up to changed partitions.

    Args:
        connection: The warehouse.
        changed: Partitions (source, day), whose tasks are brought up at once.
    """
    ((held,),) = connection.execute("SELECT count(*) FROM tasks").fetchall()
    ((tasks,),) = connection.execute(
        "SELECT count(*) FROM tasks "
        "WHERE (source, day) IN (SELECT unnest($sources), try_cast(unnest($days) AS DATE))",
        {"sources": [source for source, _ in changed], "days": [day for _, day in changed]},
    ).fetchall()
    return int(ANALYTICS_MEMORY_MB + tasks // TASKS_PER_MB + held // HELD_TASKS_PER_MB)
