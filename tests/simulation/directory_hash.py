"""A hash of a whole data directory, to tell whether two lives left the same."""

import hashlib
import json
from pathlib import Path

import duckdb

from cbr_warehouse.storage.layout import DataDirectory


def directory_hash(directory: DataDirectory) -> str:
    """A hash of the names and bytes of all files; of the warehouse, of all rows of all its tables.

    DuckDB gives each file a random id, so two warehouses are never equal byte by byte. For the same reason
    the note of the published file's checksum counts without it. A damaged warehouse is hashed byte by byte: a
    life that went wrong may end with one.

    Args:
        directory: The data directory.
    """
    total = hashlib.sha256()
    for path in sorted(directory.root.rglob("*")):
        if not path.is_file():
            continue
        total.update(path.relative_to(directory.root).as_posix().encode())
        total.update(_content(directory, path))
    return total.hexdigest()


def _content(directory: DataDirectory, path: Path) -> bytes:
    if path == directory.warehouse:
        try:
            return json.dumps(row_hashes(path)).encode()
        except duckdb.Error:
            return path.read_bytes()
    if path == directory.warehouse_note:
        note = json.loads(path.read_bytes())
        return json.dumps(note | {"checksums": len(note["checksums"])}).encode()
    return path.read_bytes()


def row_hashes(warehouse: Path) -> dict[str, str]:
    """The number of rows and a hash of all cells of every table of a warehouse, by schema and name."""
    found = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        for schema, table in sorted(tables):
            names = connection.execute(
                "SELECT column_name FROM duckdb_columns() WHERE schema_name = $1 AND table_name = $2 "
                "ORDER BY column_name",
                [schema, table],
            ).fetchall()
            cells = ", ".join(f'"{name}"' for (name,) in names)
            rows = connection.execute(
                f'SELECT count(*), sum(hash({cells})::HUGEINT) FROM "{schema}"."{table}"'
            ).fetchall()
            found[f"{schema}.{table}"] = str(rows)
    return found
