"""The page ``docs/tables.md``, made from the contract; ``make docs`` writes it."""

from collections.abc import Iterator

from cbr_warehouse.contract.columns import Column, Contract, Table
from cbr_warehouse.contract.dictionary import paths_of
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.sql_types import SQL_TYPES

HEAD = """\
# Tables

Made from `schemas/` by `make docs`; change it there. Times are `TIMESTAMPTZ` in UTC. "Place" is where a value
stands in the API record, dotted, `[]` for an array.
"""


def tables_page(contract: Contract) -> str:
    """The page, in Markdown.

    Args:
        contract: The contract.
    """
    return "\n".join([HEAD, *(line for table in contract.tables for line in _table(table))])


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    yield f"{table.description} Unique together: {', '.join(f'`{name}`' for name in table.key)}."
    yield ""
    yield "| column | type | null | place | meaning |"
    yield "|---|---|---|---|---|"
    yield from (_row(table, column) for column in table.columns)
    yield ""


def _row(table: Table, column: Column) -> str:
    places = "<br>".join(f"`{path}`" for path in paths_of(table, column.name) if path)
    null = "yes" if column.nullable else "no"
    meaning = column.description.replace("|", "\\|")
    return f"| `{column.name}` | {SQL_TYPES[column.type]} | {null} | {places} | {meaning} |"


if __name__ == "__main__":
    print(tables_page(read_contract()), end="")  # noqa: T201  # its output is the page
