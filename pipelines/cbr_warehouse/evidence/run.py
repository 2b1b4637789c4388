"""Runs a pack: its scripts, then its queries, whose rows are written to files or compared with them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.errors import EvidenceError
from cbr_warehouse.evidence.layout import SCRIPTS, query_file, result_file
from cbr_warehouse.evidence.sandbox import read_statements, run_statements, stream_lines

KEPT = 50
"""Rows of a result that are kept for the index page; the file has all."""

_SHOWN = 300
"""Characters of a line that a message about it shows."""


@dataclass
class Result:
    """What a query gave.

    Attributes:
        rows: How many rows.
        first: The first of them, by column.
    """

    rows: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)


def run_scripts(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Makes tables and views of the raw records, by the scripts of a pack.

    Args:
        connection: The sandbox with the raw records.
        folder: The unpacked pack.

    Raises:
        EvidenceError: A script may not be run, or fails.
    """
    # All are read before any runs.
    statements = {name: read_statements(connection, name, _text(folder, name)) for name in SCRIPTS}
    for name, own in statements.items():
        run_statements(connection, name, own)


def write_result(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> Result:
    """Runs a query and writes its result.

    Args:
        connection: The sandbox after the scripts.
        folder: Where the pack is made.
        name: The query.
    """
    result = Result()
    place = folder / result_file(name)
    place.parent.mkdir(exist_ok=True)
    with place.open("wb") as file:
        for line in _lines(connection, folder, name, result):
            file.write(line)
    return result


def compare_result(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> Result:
    """Runs a query and compares its result with the file, byte by byte.

    Args:
        connection: The sandbox after the scripts.
        folder: The unpacked pack.
        name: The query.

    Raises:
        EvidenceError: A line differs, is missing or too many; the message has the first one.
    """
    result = Result()
    with (folder / result_file(name)).open("rb") as file:
        pairs = zip_longest(_lines(connection, folder, name, result), file)
        for number, (again, stored) in enumerate(pairs, 1):
            if again != stored:
                raise EvidenceError(
                    f"{result_file(name)}: line {number} is not what {query_file(name)} gives. "
                    f"In the pack: {_shown(stored)}. Again: {_shown(again)}."
                )
    return result


def _lines(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, result: Result) -> Iterator[bytes]:
    for line in stream_lines(connection, query_file(name), _text(folder, query_file(name))):
        result.rows += 1
        if result.rows <= KEPT:
            row: Mapping[str, Any] = json.loads(line)
            result.first.append(dict(row))
        yield line


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{name}: is missing, or is no text.") from error


def _shown(line: bytes | None) -> str:
    if line is None:
        return "no line"
    text = line.decode(errors="replace").rstrip("\n")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
