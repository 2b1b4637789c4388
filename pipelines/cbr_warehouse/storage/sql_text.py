"""Text of SQL: identifiers, literals and paths, quoted. The only place that quotes for DuckDB.

Values of users and of the API go into queries as parameters; this is for statements that take none
(``COMMENT``, ``ATTACH``, ``COPY``, ``SET``) and for lists of files.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from cbr_warehouse.errors import StorageError

_GLOB = re.compile(r"[*?\[\]]")


def identifier(name: str) -> str:
    """A name of a table or column, in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value's text as a text literal, in single quotes."""
    return "'" + str(value).replace("'", "''") + "'"


def parquet_files(paths: Iterable[Path], options: str = "") -> str:
    """SQL that reads exactly these Parquet files, and nothing from their paths.

    DuckDB takes every path for a glob pattern and, left to itself, makes columns of all
    ``key=value`` folders on the way, those above the data directory among them.

    Args:
        paths: The files; at least one.
        options: Further options of ``read_parquet``, each after a comma.

    Raises:
        StorageError: DuckDB has no way to name one of the files.
    """
    listed = ", ".join(literal(_without_globs(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false{options})"


def _without_globs(path: Path) -> str:
    """The path as a pattern that only it matches: a special character is a class of its own."""
    text = str(path)
    if _GLOB.search(text) is None:
        return text
    if "\\" in text:
        # DuckDB splits patterns at backslashes, and no class holds one.
        raise StorageError(
            f"{path}: cannot be read: its path holds a backslash beside one of * ? [ ]. "
            "Choose another folder with --data-dir."
        )
    return _GLOB.sub(r"[\g<0>]", text)
