"""``cbr-warehouse schema``: the data dictionary."""

from dataclasses import asdict
from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.json_values import print_json
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.contract.dictionary import dictionary

COLUMNS = ("table", "column", "type", "path", "description")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def schema(context: typer.Context, *, as_json: Json = False) -> None:
    """Show every column: its table, type, path in the API record and description."""
    rows = [asdict(row) for row in dictionary(invocation_of(context).contract)]
    if as_json:
        print_json(rows)
        return
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
