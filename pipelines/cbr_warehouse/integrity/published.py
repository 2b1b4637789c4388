"""The warehouse: its file, its rows beside those of the tables, its keys, ledgers and analytics."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from cbr_warehouse.analytics.build import bring_up, is_current
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError
from cbr_warehouse.integrity.finding import Amount, Check, Finding, Verified
from cbr_warehouse.integrity.rebuilt_days import Digests, row_digest
from cbr_warehouse.raw.ledgers import LoadEntry, iterate_loads, read_loads_summary
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.engine import do_within_memory, open_engine
from cbr_warehouse.tables.partition_writer import PARTITIONED, partition_columns
from cbr_warehouse.warehouse.checks import check_all
from cbr_warehouse.warehouse.ledger_rows import read_ledgers, verdicts_differ
from cbr_warehouse.warehouse.partitions import changed_partitions
from cbr_warehouse.warehouse.reusable_file import is_published, read_checksum
from cbr_warehouse.warehouse.working_file import attached, copy_file

AGAIN = "Run 'cbr-warehouse rebuild', which builds it again from raw."

_EXCLUDED = re.compile(r"(?<=EXCLUDE )\(([^()]*)\)")
"""DuckDB prints the columns of a list like this in any order."""

_NOT_OF_CONTENT = frozenset({"as_of", "finished_load", "source_load", "source_watermark"})
"""Tables of the analytics that follow the clock of loads, not the records."""


def verify_file(directory: DataDirectory) -> Verified:
    """Compares the published file with the checksum that its load noted."""
    found = Verified()
    current = read_checksum(directory)
    if current is None:
        what = f"{directory.warehouse}: is missing. Run 'cbr-warehouse load' or 'cbr-warehouse rebuild'."
        found.findings.append(Finding(Check.WAREHOUSE_CHECKSUM, None, None, what))
    elif not is_published(directory, current):
        what = (
            f"{directory.warehouse}: its content is not what was published: another program changed it, or "
            f"the disk damaged it. {AGAIN}"
        )
        found.findings.append(Finding(Check.WAREHOUSE_CHECKSUM, None, None, what))
    return found


def verify_rows(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    source: str,
    contract: Contract,
    days: Sequence[str],
    tables: Digests,
) -> Verified:
    """Compares the rows of some days of a source with those of the tables.

    Args:
        connection: The published warehouse.
        directory: The data directory.
        source: Name of the source.
        contract: The contract.
        days: The days whose partitions are as they should be.
        tables: What the partitions hold.
    """
    found = Verified()
    behind = {day for _, day in changed_partitions(connection, directory, [source])}
    for day in sorted(behind.intersection(days)):
        what = f"{directory.warehouse}: lacks the newest state of {day} of {source}; a load publishes it."
        found.findings.append(Finding(Check.WAREHOUSE_BEHIND, source, day, what))
    compared = [day for day in days if day not in behind]
    held: Digests = {}
    for table in PARTITIONED:
        digest = row_digest(partition_columns(contract, table))
        query = (
            f"SELECT coalesce(day::VARCHAR, '{UNKNOWN_DAY}') AS own_day, count(*), {digest} "
            f"FROM {identifier(table)} WHERE source = $1 AND own_day IN (SELECT unnest($2)) GROUP BY own_day"
        )
        rows = connection.execute(query, [source, compared]).fetchall()
        held |= {(table, day): (int(count), int(total)) for day, count, total in rows}
    for table in PARTITIONED:
        for day in compared:
            ours, theirs = held.get((table, day), (0, 0)), tables.get((table, day), (0, 0))
            if ours != theirs:
                what = (
                    f"{directory.warehouse}: its {ours[0]:,} rows of {table} of {day} of {source} are not "
                    f"the {theirs[0]:,} rows of tables/{table}. {AGAIN}"
                )
                found.findings.append(Finding(Check.WAREHOUSE_CONTENT, source, day, what))
    return found


def unpublished_load(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, source: str
) -> LoadEntry | None:
    """The newest load of a source, if the warehouse does not have it as it ended.

    Raises:
        StorageError: A ledger cannot be read.
    """
    newest = read_loads_summary(directory, source).newest
    if newest is None:
        return None
    query = "SELECT finished_at IS NULL FROM loads WHERE source = $1 AND load_id = $2"
    held = connection.execute(query, [source, newest.load_id]).fetchall()
    return None if held == [(newest.finished_at is None,)] else newest


def verify_ledger_rows(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, source: str
) -> Verified:
    """Compares ``coverage`` and ``loads`` of a source with its ledgers."""
    found = Verified(Amount(warehouse_tables=2))
    try:
        differs = verdicts_differ(connection, source, read_ledgers(connection, directory, source))
        unpublished = unpublished_load(connection, directory, source)
        noted = {one.load_id: (one.outcome, one.records, one.new) for one in iterate_loads(directory, source)}
    except StorageError:
        return found  # of the ledger, which is verified by itself
    if differs and unpublished is not None:
        what = f"{directory.warehouse}: lacks what load {unpublished.load_id} of {source} found of days"
        what = f"{what}; a load publishes it."
        found.findings.append(Finding(Check.WAREHOUSE_BEHIND, source, None, what))
    elif differs:
        what = f"{directory.warehouse}: coverage of {source} is not what its ledgers say. {AGAIN}"
        found.findings.append(Finding(Check.WAREHOUSE_CONTENT, source, None, what))
    query = "SELECT load_id, outcome, records, new FROM loads WHERE source = $1 ORDER BY load_id"
    rows = connection.execute(query, [source]).fetchall()
    # The newest may have been published before it ended, and later ones before they were.
    held = {load_id: tuple(rest) for load_id, *rest in rows[:-1]}
    last = rows[-1][0] if rows else ""
    if held != {load_id: values for load_id, values in noted.items() if load_id < last}:
        what = f"{directory.warehouse}: loads of {source} are not what its ledgers say. {AGAIN}"
        found.findings.append(Finding(Check.WAREHOUSE_CONTENT, source, None, what))
    return found


def verify_keys(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, contract: Contract
) -> Verified:
    """Checks every key and every reference."""
    results = check_all(connection, contract)
    found = Verified(Amount(warehouse_tables=len(contract.tables)))
    for result in results:
        if result.violations:
            what = f"{result.name} of {result.table} is broken {result.violations:,} times. {AGAIN}"
            found.findings.append(Finding(Check.KEYS, None, None, f"{directory.warehouse}: {what}"))
    return found


def verify_analytics(
    connection: duckdb.DuckDBPyConnection, directory: DataDirectory, settings: AnalyticsSettings, folder: Path
) -> Verified:
    """Fills the analytics again on a copy of the file, and compares tables and definitions of the views.

    Args:
        connection: The published warehouse.
        directory: The data directory.
        settings: The settings of the analytics.
        folder: Gets the copy, and what does not fit in memory.
    """
    found = Verified()
    if not is_current(connection, settings):
        found.notes.append(
            "The analytics were not compared: they were made with other settings or definitions; the next "
            "load makes them again."
        )
        return found
    copy = folder / "warehouse.duckdb"
    copy_file(directory.warehouse, copy)
    with open_engine(folder, 1) as engine, attached(engine, copy):
        do_within_memory(engine, lambda: _fill_again(engine, settings))
    # Opened again: only what was read from a file is printed as the published definitions are.
    with open_engine(folder) as engine, attached(engine, copy):
        again = dict(_analytics(engine))
    held = dict(_analytics(connection))
    found.amount.warehouse_tables += len(again)
    for name in sorted(again.keys() | held.keys()):
        if again.get(name) != held.get(name):
            what = f"{directory.warehouse}: analytics.{name} is not what the tables give. {AGAIN}"
            found.findings.append(Finding(Check.ANALYTICS, None, None, what))
    return found


def _fill_again(engine: duckdb.DuckDBPyConnection, settings: AnalyticsSettings) -> None:
    """Makes the analytics of the attached file again, or changes nothing: what is tried again starts over."""
    engine.execute("BEGIN")
    try:
        engine.execute("DELETE FROM meta.analytics")
        bring_up(engine, settings, (), has_comments=False)
    except duckdb.Error:
        engine.execute("ROLLBACK")
        raise
    engine.execute("COMMIT")


def _analytics(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, object]]:
    """Name and content of each table of the analytics, name and definition of each view and macro."""
    own = "database_name = 'warehouse' AND schema_name = 'analytics'"
    for (name,) in connection.execute(f"SELECT table_name FROM duckdb_tables() WHERE {own}").fetchall():
        if name not in _NOT_OF_CONTENT:
            query = f"SELECT count(*), sum(hash(t)::HUGEINT) FROM warehouse.analytics.{identifier(name)} AS t"
            yield name, connection.execute(query).fetchall()[0]
    queries = (
        f"SELECT view_name, sql FROM duckdb_views() WHERE {own}",
        f"SELECT function_name, macro_definition FROM duckdb_functions() WHERE {own} AND NOT internal",
    )
    for query in queries:
        for name, definition in connection.execute(query).fetchall():
            yield name, _EXCLUDED.sub(lambda found: str(sorted(found[1].split(", "))), definition)
