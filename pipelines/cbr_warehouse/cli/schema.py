"""``cbr-warehouse schema``: the data dictionary."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.sql import print_table
from cbr_warehouse.contract.dictionary import dictionary

COLUMNS = ("table", "column", "type", "path", "description")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def schema(context: typer.Context, *, as_json: Json = False) -> None:
    """Show every column: its table, type, path in the API record and description."""
    rows = [asdict(row) for row in dictionary(invocation_of(context).contract)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
