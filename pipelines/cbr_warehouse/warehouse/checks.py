"""Checks of keys and references: run before publishing, and reported as asset checks."""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from cbr_warehouse.contract.columns import Contract, Table
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.sql_text import identifier, literal

REFERENCES = (
    ("resources", "tasks", ("source", "task_id")),
    ("resource_volumes", "resources", ("source", "task_id", "role", "position")),
    ("replications", "tasks", ("source", "task_id")),
    ("task_versions", "tasks", ("source", "task_id")),
    ("tasks", "task_versions", ("source", "task_id")),
)
"""Each row of the first table has its row in the second, by these columns."""


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
    listed = ", ".join(map(literal, days))
    by_day = [table for table in contract.tables if any(column.name == "day" for column in table.columns)]
    results = _run(connection, by_day, f"day::VARCHAR IN ({listed})")
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
    return _run(connection, contract.tables, "true")


def _run(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], where: str) -> list[CheckResult]:
    results = [
        CheckResult(table.name, "unique_key", _count(connection, _repeated(table.name, table.key, where)))
        for table in tables
    ]
    results += [
        CheckResult(
            child, f"references_{parent}", _count(connection, _dangling(child, parent, columns, where))
        )
        for child, parent, columns in REFERENCES
    ]
    return results


def _repeated(table: str, key: tuple[str, ...], where: str) -> str:
    columns = ", ".join(map(identifier, key))
    touched = f"SELECT DISTINCT {columns} FROM {identifier(table)} WHERE {where}"
    rows = f"{identifier(table)} SEMI JOIN ({touched}) AS t USING ({columns})"
    return f"SELECT {columns} FROM {rows} GROUP BY ALL HAVING count(*) > 1"


def _dangling(child: str, parent: str, columns: tuple[str, ...], where: str) -> str:
    listed = ", ".join(columns)
    return (
        f"SELECT {listed} FROM (SELECT * FROM {child} WHERE {where}) AS c ANTI JOIN {parent} USING ({listed})"
    )


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])
