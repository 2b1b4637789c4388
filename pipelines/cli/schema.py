"""``cbr-warehouse schema``: the data dictionary."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.cli.invocation import invocation_of
from pipelines.contract.dictionary import dictionary

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def schema(context: typer.Context, *, as_json: Json = False) -> None:
    """Show every column: its table, type, path in the API record and description."""
    rows = [asdict(row) for row in dictionary(invocation_of(context).contract)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table("table", "column", "type", "path", "description", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["table"], row["column"], row["type"], row["path"] or "", row["description"])
    Console().print(table)
