"""Old snapshots of a DuckLake: whether they stay what they were, when they end, and files that none names.

DuckLake can also merge, rewrite and flush files. These have faults that change what old snapshots say, and
nothing here uses them (docs/adr/0031).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.warehouse.lake.connect import attach_lake, explain_lake
from cbr_warehouse.warehouse.lake.layout import ALL_VIEWS, DEFINITIONS, PARTS, hash_of_row, stored_place
from cbr_warehouse.warehouse.place import LakeAddress

GRACE_DAYS = 7
"""How long a snapshot can be read after the next one, and for how long its files stay after it ended."""

CHECKED = 3
"""Snapshots that are compared with what was published, the newest first."""

_BEFORE_GRACE = f"older_than => now() - INTERVAL {GRACE_DAYS} DAY"

_NEWEST = "SELECT snapshot_id FROM ducklake_snapshots('warehouse') ORDER BY snapshot_id DESC LIMIT $1"


@dataclass(frozen=True)
class LakeUpkeep:
    """What was done about old snapshots.

    Attributes:
        expired: Snapshots that can no longer be read.
        removed: Files that were removed: those of snapshots that ended a week ago.
        orphans: Files that no snapshot names, left by killed publications; they stay.
    """

    expired: int
    removed: int
    orphans: tuple[str, ...]


def maintain_lake(address: LakeAddress) -> LakeUpkeep:
    """Does what :func:`expire_snapshots` does, and lists the files that no snapshot names.

    Args:
        address: The DuckLake.

    Raises:
        UsageError: An extension of DuckDB is not installed.
        WarehouseError: PostgreSQL cannot be reached, or a file cannot be removed.
    """
    with _attached(address, "CREATE_IF_NOT_EXISTS false") as connection:
        expired, removed = expire_snapshots(connection)
        orphans = connection.execute(
            f"CALL ducklake_delete_orphaned_files('warehouse', dry_run => true, {_BEFORE_GRACE})"
        ).fetchall()
    return LakeUpkeep(expired, removed, tuple(sorted(str(row[0]) for row in orphans)))


def expire_snapshots(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Ends snapshots that are older than the grace, and removes the files of those that ended long ago.

    Args:
        connection: An engine with the DuckLake attached, and no transaction.

    Returns:
        How many snapshots ended, and how many files were removed.

    Raises:
        duckdb.Error: PostgreSQL cannot be reached, or a file cannot be removed.
    """
    # Before more are scheduled: a file has a grace of its own.
    removed = connection.execute(f"CALL ducklake_cleanup_old_files('warehouse', {_BEFORE_GRACE})").fetchall()
    expired = connection.execute(f"CALL ducklake_expire_snapshots('warehouse', {_BEFORE_GRACE})").fetchall()
    return len(expired), len(removed)


def compare_snapshots(address: LakeAddress, last: int = CHECKED) -> Iterator[str]:
    """Compares the newest snapshots with the counts and hashes that were published with each.

    Args:
        address: The DuckLake.
        last: How many snapshots.

    Yields:
        A sentence for each table that has other rows than were published.

    Raises:
        UsageError: An extension of DuckDB is not installed.
        WarehouseError: PostgreSQL cannot be reached, or a file cannot be read.
    """
    with _attached(address, "READ_ONLY") as connection:
        for (snapshot,) in connection.execute(_NEWEST, [last]).fetchall():
            yield from _compare(connection, address, snapshot)


@contextmanager
def _attached(address: LakeAddress, option: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with the DuckLake attached, whose errors are explained."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        attach_lake(connection, address, option)
        try:
            yield connection
        except duckdb.Error as error:
            raise explain_lake(address, error) from None


def _compare(connection: duckdb.DuckDBPyConnection, address: LakeAddress, snapshot: int) -> Iterator[str]:
    at = f"AT (VERSION => {int(snapshot)})"
    try:
        rows = connection.execute(
            f"SELECT d.name, d.removal LIKE '%stored.%', coalesce(sum(p.rows), 0)::BIGINT, "
            f"coalesce(sum(p.hash::HUGEINT), 0) FROM (FROM warehouse.{DEFINITIONS} {at}) AS d "
            f"LEFT JOIN (FROM warehouse.{PARTS} {at}) AS p ON p.table_name = d.name "
            f"WHERE d.name <> '{ALL_VIEWS}' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    except duckdb.CatalogException:
        return  # the first snapshot of a DuckLake, which is empty
    for name, is_stored_apart, *published in rows:
        place = f"{stored_place(name, is_stored_apart=is_stored_apart)} {at}"
        columns = connection.execute(f"DESCRIBE FROM {place}").fetchall()
        row_hash = hash_of_row((identifier(column[0]), column[1]) for column in columns)
        found = connection.execute(
            f"SELECT count(*), coalesce(sum({row_hash}::HUGEINT), 0) FROM {place}"
        ).fetchall()[0]
        if found != tuple(published):
            yield (
                f"{address}: snapshot {snapshot} has {found[0]:,} rows of {name}, which are not the "
                f"{published[0]:,} that were published. Use no other program to maintain this DuckLake. For "
                "a new one, configure another database and folder, and run 'cbr-warehouse load'."
            )
