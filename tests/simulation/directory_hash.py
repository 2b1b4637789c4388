"""A hash of a whole data directory, to tell whether two lives left the same."""

import hashlib
import json
from pathlib import Path

import duckdb

from cbr_warehouse.storage.layout import DataDirectory


def directory_hash(directory: DataDirectory) -> str:
    """A hash of the names and bytes of all files; of the warehouse, of all rows of all its tables.

    DuckDB gives each file a random id, so two warehouses are never equal byte by byte. For the same reason
    the note of the published file's checksum counts without it.

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
        return _rows(path).encode()
    if path == directory.warehouse_note:
        note = json.loads(path.read_bytes())
        return json.dumps(note | {"checksums": len(note["checksums"])}).encode()
    return path.read_bytes()


def _rows(warehouse: Path) -> str:
    found = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
        for schema, table in tables:
            name = f'"{schema}"."{table}"'
            rows = connection.execute(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {name} t").fetchall()
            found.append(f"{name} {rows}")
    return "\n".join(found)
