"""Column lineage for Dagster's pages: from the keys of the API's records over the tables to the views.

That of the tables follows from the contract, that of the views from their queries
(`cbr_warehouse.analytics.columns`).
"""

from collections.abc import Iterator, Sequence
from functools import cache

import dagster as dg

from cbr_warehouse.analytics.columns import analytics_columns
from cbr_warehouse.contract.columns import Contract, Table
from cbr_warehouse.contract.dictionary import dictionary, paths_of
from cbr_warehouse.defs.asset_keys import analytics_key, raw_key, table_key, warehouse_key

RECORD = "record_text"
"""The column of raw that has the record as received; a key in it is shown as ``record_text.KEY``."""

SHOWN_SOURCES = 5
"""The lineage is the same for all sources: that many are shown, since each column names each of them."""


def record_paths(contract: Contract) -> tuple[str, ...]:
    """Every place in a record that some column is read from, by name."""
    return tuple(sorted({row.path for row in dictionary(contract) if row.path is not None}))


def record_column(path: str) -> str:
    """Name of the column that a place in the record is shown as."""
    return f"{RECORD}.{path}"


def from_record(table: Table, sources: Sequence[str], left_out: frozenset[str]) -> dg.TableColumnLineage:
    """The lineage of a table: the places in the record that each column is read from.

    Args:
        table: The table.
        sources: Names of the sources.
        left_out: Columns that the table does not have at this stage.
    """
    deps = {}
    for column in table.columns:
        paths = [path for path in paths_of(table, column.name) if path is not None]
        if paths and column.name not in left_out:
            deps[column.name] = [
                dg.TableColumnDep(raw_key(source), record_column(path))
                for source in sources[:SHOWN_SOURCES]
                for path in paths
            ]
    return dg.TableColumnLineage(deps)


def from_partitions(table: Table, left_out: frozenset[str]) -> dg.TableColumnLineage:
    """The lineage of a table of the warehouse that has partitions: the columns of the same names.

    Args:
        table: The table.
        left_out: Columns that the partitions do not have.
    """
    names = [column.name for column in table.columns if column.name not in left_out]
    return dg.TableColumnLineage({name: [dg.TableColumnDep(table_key(table.name), name)] for name in names})


@cache
def from_query(name: str) -> dg.TableColumnLineage:
    """The lineage of a base table or view: the columns that each of its columns is computed from.

    Args:
        name: Its name.
    """
    columns = analytics_columns()[name]
    return dg.TableColumnLineage(
        {one.name: list(_deps(one.derived_from)) for one in columns if one.derived_from}
    )


def _deps(found: Sequence[str]) -> Iterator[dg.TableColumnDep]:
    for one in found:
        schema, table, column = one.split(".")
        key = warehouse_key(table) if schema == "main" else analytics_key(table)
        yield dg.TableColumnDep(key, column)
