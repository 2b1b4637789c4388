"""The warehouse's DDL with comments, derived from the contract."""

from collections.abc import Iterator

from cbr_warehouse.contract.columns import Column, Contract, Table
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.tables.engine import quoted


def create_statements(contract: Contract) -> Iterator[str]:
    """Statements that create every table of the warehouse, empty, with comments."""
    for table in contract.tables:
        columns = ", ".join(_column(column) for column in table.columns)
        yield f'CREATE TABLE "{table.name}" ({columns})'
        yield from _comments(table)
    yield "CREATE SCHEMA meta"
    yield "CREATE TABLE meta.partitions (source VARCHAR, day VARCHAR, fingerprint VARCHAR)"
    yield "COMMENT ON TABLE meta.partitions IS 'Which state of which partition of tables/ is loaded.'"
    yield "CREATE TABLE meta.contract (fingerprint VARCHAR)"
    yield "COMMENT ON TABLE meta.contract IS 'The contract this warehouse was made under.'"


def _column(column: Column) -> str:
    return f'"{column.name}" {SQL_TYPES[column.type]}{"" if column.nullable else " NOT NULL"}'


def _comments(table: Table) -> Iterator[str]:
    yield f"COMMENT ON TABLE \"{table.name}\" IS '{quoted(table.description)}'"
    for column in table.columns:
        yield f'COMMENT ON COLUMN "{table.name}"."{column.name}" IS \'{quoted(column.description)}\''
