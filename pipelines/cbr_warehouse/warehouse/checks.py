"""Checks of keys and references: run before publishing, and reported as asset checks."""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from cbr_warehouse.contract.columns import Contract, Table
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.layout import UNKNOWN_DAY
from cbr_warehouse.storage.sql_text import identifier, literal

REFERENCES = (
    ("resources", "tasks", ("source", "task_id")),
    ("resource_volumes", "resources", ("source", "task_id", "role", "position")),
    ("replications", "tasks", ("source", "task_id")),
    ("task_versions", "tasks", ("source", "task_id")),
    ("tasks", "task_versions", ("source", "task_id")),
)
"""Each row of the first table has its row in the second, by these columns."""

_ACROSS_DAYS = frozenset({"tasks", "quarantine"})
"""Tables whose keys are compared with those of all days: a task or text must not be on two days. The rows of
the others are on the day of their task.
"""


@dataclass(frozen=True)
class CheckResult:
    """One property of one table.

    Attributes:
        table: The table.
        name: ``unique_key``, or ``references_<table>``.
        violations: Number of rows or keys that violate it.
    """

    table: str
    name: str
    violations: int


def check_days(connection: duckdb.DuckDBPyConnection, contract: Contract, days: list[str]) -> None:
    """Checks the rows of the given days before they are published.

    Args:
        connection: The warehouse being built.
        contract: The contract.
        days: The days that were replaced.

    Raises:
        WarehouseError: A key is not unique or a reference dangles.
    """
    if not days:
        return
    listed = ", ".join(f"DATE {literal(day)}" for day in days if day != UNKNOWN_DAY)
    by_day = [table for table in contract.tables if any(column.name == "day" for column in table.columns)]
    _refuse(_run(connection, by_day, f"day IN ({listed or 'NULL'})", same_day=True))


def check_source(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], source: str) -> None:
    """Checks the keys of a source's rows of some tables before they are published.

    Args:
        connection: The warehouse being built.
        tables: The tables.
        source: Name of the source.

    Raises:
        WarehouseError: A key is not unique.
    """
    _refuse(_unique_keys(connection, tables, f"source = {literal(source)}"))


def _refuse(results: Iterable[CheckResult]) -> None:
    broken = [result for result in results if result.violations]
    if broken:
        found = "; ".join(
            f"{result.table}: {result.name} broken {result.violations} times" for result in broken
        )
        raise WarehouseError(
            f"The new warehouse violates its keys or references ({found}), so it was not published; "
            "the previous one stays in place. Run 'cbr-warehouse rebuild', and report this if it recurs."
        )


def check_all(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[CheckResult]:
    """Checks every key and every reference of a warehouse."""
    return _run(connection, contract.tables, "true", same_day=False)


def _run(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], where: str, *, same_day: bool
) -> list[CheckResult]:
    """Checks the rows that a condition selects.

    Args:
        connection: The warehouse.
        tables: The tables whose keys are checked.
        where: Which rows.
        same_day: Whether rows and what they refer to must be of one day, as in partitions. No task is on two
            days then, so that what belongs to a task need not be compared with rows of other days.
    """
    results = _unique_keys(connection, tables, where)
    results += [
        CheckResult(
            child,
            f"references_{parent}",
            _count(connection, _dangling(child, parent, (*columns, "day") if same_day else columns, where)),
        )
        for child, parent, columns in REFERENCES
    ]
    return results


def _unique_keys(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], where: str
) -> list[CheckResult]:
    return [
        CheckResult(
            table.name,
            "unique_key",
            _count(connection, _repeated(table.name, table.key, where, every_day=table.name in _ACROSS_DAYS)),
        )
        for table in tables
    ]


def _repeated(table: str, key: tuple[str, ...], where: str, *, every_day: bool) -> str:
    columns = ", ".join(map(identifier, key))
    rows = f"SELECT {columns} FROM {identifier(table)}"
    selected = f"{rows} WHERE {where}"
    if every_day:
        selected = f"FROM ({rows}) SEMI JOIN (SELECT DISTINCT * FROM ({selected})) AS t USING ({columns})"
    return f"SELECT {columns} FROM ({selected}) GROUP BY ALL HAVING count(*) > 1"


def _dangling(child: str, parent: str, columns: tuple[str, ...], where: str) -> str:
    listed = ", ".join(columns)
    rows = f"(SELECT {listed} FROM {{}} WHERE {where})"
    return f"SELECT * FROM {rows.format(child)} AS c ANTI JOIN {rows.format(parent)} AS p USING ({listed})"


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])
