"""Column schemas for Dagster's pages, derived from the contract and from raw's own schema."""

import dagster as dg

from cbr_warehouse.contract.columns import Column, Contract, Table
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.defs.column_lineage import record_column, record_paths
from cbr_warehouse.raw.files import RECORDS


def table_schema(table: Table, left_out: frozenset[str] = frozenset()) -> dg.TableSchema:
    """The columns of a table of the contract.

    Args:
        table: The table.
        left_out: Columns that the table does not have at this stage.
    """
    columns = [_column(column, table.key) for column in table.columns if column.name not in left_out]
    unique = [f"unique ({', '.join(table.key)})"]
    return dg.TableSchema(columns=columns, constraints=dg.TableConstraints(other=unique))


def records_schema(contract: Contract) -> dg.TableSchema:
    """The columns of raw's files of records, and the keys of the record that the tables are made from.

    Args:
        contract: The tables.
    """
    columns = [
        dg.TableColumn(
            field.name,
            str(field.type),
            constraints=dg.TableColumnConstraints(nullable=field.nullable),
        )
        for field in RECORDS
    ]
    columns += [
        dg.TableColumn(record_column(path), "json", description=f"In the record as received: {path}")
        for path in record_paths(contract)
    ]
    return dg.TableSchema(columns=columns)


def _column(column: Column, key: tuple[str, ...]) -> dg.TableColumn:
    return dg.TableColumn(
        column.name,
        SQL_TYPES[column.type],
        description=column.description,
        constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=key == (column.name,)),
    )
