"""``cbr-warehouse sql``: a read-only query of the published warehouse."""

import csv
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import zip_longest
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.json_values import plain, to_json
from cbr_warehouse.warehouse.query import QueryResult, stream_query

_FITTED = 1_000
"""The most rows that are fitted to a terminal's width; that takes milliseconds a row."""


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def sql(
    context: typer.Context,
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help='For example "SELECT count(*) FROM tasks".')
    ],
    *,
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
) -> None:
    """Query the published warehouse; read-only, all rows."""
    with stream_query(invocation_of(context).directory.warehouse, statement) as answer:
        print_answer(answer, output)


def print_answer(answer: QueryResult, output: Format) -> None:
    """Prints the rows of a query on stdout; JSON and CSV as they come, however many."""
    match output:
        case Format.JSON:
            _print_json(answer)
        case Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(answer.columns)
            writer.writerows([_text(value) for value in row] for row in answer.rows)
        case Format.TABLE:
            print_table(answer.columns, answer.rows)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Prints rows as a table on stdout: fitted to a terminal; on a pipe no cell is cut short."""
    titles, cells = list(columns), [[_text(value) for value in row] for row in rows]
    console = Console()
    if not console.is_terminal or len(cells) > _FITTED:
        _print_wide([titles, *cells])
        return
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(Text(title))
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def _print_wide(rows: Sequence[Sequence[str]]) -> None:
    """Prints each column as wide as its widest cell; a cell of several lines stays in its column."""
    split = [[cell.splitlines() or [""] for cell in row] for row in rows]
    widths = [max(_width(line) for cell in column for line in cell) for column in zip(*split, strict=True)]
    for row in split:
        for line in zip_longest(*row, fillvalue=""):
            padded = (part + " " * (width - _width(part)) for part, width in zip(line, widths, strict=True))
            sys.stdout.write("  ".join(padded).rstrip(" ") + "\n")


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _print_json(answer: QueryResult) -> None:
    names = _once_each(answer.columns)
    between = "["
    for row in answer.rows:
        printed = to_json(dict(zip(names, map(plain, row), strict=True)))
        sys.stdout.write(f"{between}\n {printed}")
        between = ","
    sys.stdout.write("[]\n" if between == "[" else "\n]\n")


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


def _text(value: Any) -> str:
    if value is None:
        return ""
    shown = plain(value)
    if isinstance(shown, Decimal):
        return format(shown, "f")
    return shown if isinstance(shown, str) else to_json(shown)
