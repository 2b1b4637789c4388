"""The DuckDB connection that flattens: in memory, bounded, in UTC."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_LIMIT = "130MB"
"""Of the engine alone; a load as a whole stays below 600 MB. What does not fit is spilled to disk."""


@contextmanager
def open_engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens an engine of its own; closed at the end whatever happens."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("SET preserve_insertion_order = false")
        yield connection
    finally:
        connection.close()


def parquet(files: Iterable[Path]) -> str:
    """SQL that reads Parquet files of a partitioned folder, source and day as text from their paths."""
    listed = ", ".join(f"'{quoted(path)}'" for path in files)
    types = "{'day': VARCHAR, 'source': VARCHAR}"
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types = {types})"


def quoted(value: object) -> str:
    """A value's text for use between single quotes in SQL."""
    return str(value).replace("'", "''")
