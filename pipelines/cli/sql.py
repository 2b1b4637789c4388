"""``cbr-warehouse sql``: a read-only query of the published warehouse."""

import csv
import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.cli.invocation import invocation_of
from pipelines.cli.values import plain
from pipelines.warehouse.read import Answer, query

_ENDLESS = 1_000_000
"""Columns of a pipe: a table takes the ones it needs."""


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
    print_answer(query(invocation_of(context).directory.warehouse, statement), output)


def print_answer(answer: Answer, output: Format) -> None:
    """Prints the rows of a query on stdout."""
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
    """Prints rows as a table on stdout; on a pipe no cell is cut short."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_ENDLESS)
    console.print(table)


def _print_json(answer: Answer) -> None:
    rows = [dict(zip(answer.columns, map(plain, row), strict=True)) for row in answer.rows]
    json.dump(rows, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def _text(value: Any) -> str:
    if value is None:
        return ""
    shown = plain(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
