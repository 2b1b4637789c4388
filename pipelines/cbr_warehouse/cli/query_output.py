"""The result of a query on stdout: as a table for people, as JSON or CSV for programs."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from cbr_warehouse.cli.json_values import plain, to_json, write_json
from cbr_warehouse.cli.table import as_text, print_table
from cbr_warehouse.cli.terminal_text import visible
from cbr_warehouse.warehouse.query import QueryResult


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def print_answer(answer: QueryResult, output: Format) -> None:
    """Prints the rows of a query on stdout; JSON and CSV as they come, however many."""
    match output:
        case Format.JSON:
            _print_json(answer)
        case Format.CSV:
            _print_csv(answer)
        case Format.TABLE:
            print_table(answer.columns, answer.rows)


def _print_csv(answer: QueryResult) -> None:
    """RFC 4180 with the line ends of Unix; NULL is empty, an empty text is ``""``.

    Not by Python's ``csv``, which quotes differently from version to version.
    """
    on_terminal = sys.stdout.isatty()
    _write_csv_row(answer.columns, on_terminal)
    for row in answer.rows:
        _write_csv_row(row, on_terminal)


def _write_csv_row(row: Iterable[Any], on_terminal: bool) -> None:
    line = ",".join(map(_csv_field, row))
    sys.stdout.write((visible(line) if on_terminal else line) + "\n")


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    text = as_text(value)
    if text and not any(mark in text for mark in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def _print_json(answer: QueryResult) -> None:
    names = _once_each(answer.columns)
    between = "["
    for row in answer.rows:
        write_json(f"{between}\n {to_json(dict(zip(names, map(plain, row), strict=True)))}")
        between = ","
    write_json("[]\n" if between == "[" else "\n]\n")


def _once_each(columns: Iterable[str]) -> list[str]:
    """Names for an object, which has each key once: DuckDB's of a subquery, ``a``, ``a_1``, ``a_2``."""
    names: list[str] = []
    for column in columns:
        name, copy = column, 0
        while name in names:
            copy += 1
            name = f"{column}_{copy}"
        names.append(name)
    return names
