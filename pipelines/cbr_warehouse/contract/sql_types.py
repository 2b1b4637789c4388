"""The type of a column in DuckDB, by its type in the contract. One map for every derived SQL."""

from cbr_warehouse.contract.columns import ColumnType

SQL_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.INSTANT: "TIMESTAMPTZ",
    ColumnType.DATE: "DATE",
    ColumnType.JSON: "VARCHAR",
    ColumnType.BYTES: "BLOB",
}
