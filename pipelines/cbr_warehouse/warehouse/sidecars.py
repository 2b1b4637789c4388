"""Files of other programs beside the published warehouse, and whether readers see what was published.

DuckDB applies a write-ahead log that lies beside a file to that file, whichever file it was written
for: the log of a program that had the previous warehouse open for writing would change the new one.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.tables.engine import open_shared_engine
from cbr_warehouse.warehouse.query import count_rows

logger = logging.getLogger(__name__)

_ABANDONED_AFTER_SECONDS = 86_400
"""A query of another program may spill for hours into the folder beside the file."""


def remove_sidecars(path: Path) -> None:
    """Removes write-ahead logs beside a warehouse, with a warning, and spill folders of programs long gone.

    Args:
        path: The warehouse file, which nobody writes in place.

    Raises:
        OSError: One could not be removed.
    """
    for log in (*path.parent.glob(f"{path.name}.wal*"), *path.parent.glob(f"{path.name}.*.wal")):
        if log.is_dir() and not log.is_symlink():
            shutil.rmtree(log)
        else:
            log.unlink(missing_ok=True)
        logger.warning(
            "%s: was left by a program that opened the warehouse for writing, and DuckDB would apply it to "
            "the new file. It was removed. Open the warehouse read-only (duckdb -readonly).",
            log,
        )
    spill = path.with_name(f"{path.name}.tmp")
    with suppress(FileNotFoundError):
        newest = max(one.stat().st_mtime for one in (spill, *spill.iterdir()))
        if time.time() - newest > _ABANDONED_AFTER_SECONDS:
            shutil.rmtree(spill, ignore_errors=True)


def verify_published(path: Path, rows: Mapping[str, int]) -> None:
    """Opens the published file as any program would and compares the rows of its tables.

    Args:
        path: The published file.
        rows: Rows by table of schema ``main``, as they were when the file was written.

    Raises:
        WarehouseError: Readers see something else.
    """
    if not _differing(path, rows):
        return
    remove_sidecars(path)  # written since the file was published
    if wrong := _differing(path, rows):
        raise WarehouseError(
            f"{path}: readers do not see what was published, in {', '.join(wrong)}: another program writes "
            "to it. Close it there, then run 'cbr-warehouse rebuild'."
        )


def _differing(path: Path, rows: Mapping[str, int]) -> list[str]:
    seen = _count(path, rows)
    return [] if seen is None else [table for table, count in rows.items() if seen[table] != count]


def _count(path: Path, tables: Mapping[str, int]) -> dict[str, int] | None:
    """Rows by table; None where another program keeps the file locked, so that nobody can read it."""
    try:
        with open_shared_engine(path.parent) as connection:
            connection.execute(f"ATTACH {literal(path)} AS seen (READ_ONLY)")
            connection.execute("USE seen")
            rows = count_rows(connection, tables)
            connection.execute("USE memory")
            connection.execute("DETACH seen")
            return rows
    except duckdb.IOException as error:
        if "Could not set lock" not in str(error):
            raise
        logger.warning("%s was published, but another program has opened it for writing: %s", path, error)
        return None
