"""The data dictionary: every column with its type, where it comes from and what it holds."""

from collections.abc import Iterator
from dataclasses import dataclass

from cbr_warehouse.contract.columns import Contract, Table
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.sql_types import SQL_TYPES


@dataclass(frozen=True)
class DictionaryRow:
    """One source of one column; a column with several sources has a row for each.

    Attributes:
        table: The table.
        column: The column.
        type: Its type in the warehouse.
        path: Where the value is in the API record, from its root, dotted, ``[]`` for an array;
            None where it is not from the record.
        description: What it holds.
    """

    table: str
    column: str
    type: str
    path: str | None
    description: str


def dictionary(contract: Contract) -> Iterator[DictionaryRow]:
    """All rows of the dictionary, table by table, column by column."""
    for table in contract.tables:
        for column in table.columns:
            for path in paths_of(table, column.name):
                yield DictionaryRow(table.name, column.name, SQL_TYPES[column.type], path, column.description)


def paths_of(table: Table, name: str) -> tuple[str | None, ...]:
    """Where a column's values are in the API record; only None where they are not from it."""
    column = table.column(name)
    if name == "task_id" and table.name != TASKS.table:
        return (TASKS.id_key,)
    return table.sources_of(column) or (None,)
