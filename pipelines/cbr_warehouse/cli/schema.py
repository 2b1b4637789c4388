"""``cbr-warehouse schema``: the data dictionary."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cbr_warehouse.cli.completion import complete_table
from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.json_values import print_json
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.dictionary import dictionary
from cbr_warehouse.errors import UsageError

COLUMNS = ("table", "column", "type", "path", "description")


class SchemaFormat(StrEnum):
    """How the schema is printed."""

    TABLE = "table"
    JSON = "json"
    ODCS = "odcs"
    DBT = "dbt"


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def schema(
    context: typer.Context,
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE", help="Only of this table.", show_default=False, autocompletion=complete_table
        ),
    ] = None,
    *,
    as_json: Json = False,
    form: Annotated[
        SchemaFormat | None,
        typer.Option("--format", help="table, json, odcs (data contract) or dbt.", show_default=False),
    ] = None,
) -> None:
    """Show every column: its table, type, path in the API record and description.

    odcs is an Open Data Contract of every table and view, dbt the same as sources for dbt-duckdb; both YAML.
    """
    contract = invocation_of(context).contract
    if form in (SchemaFormat.ODCS, SchemaFormat.DBT):
        _print_all(contract, form, table, as_json=as_json)
        return
    rows = [asdict(row) for row in dictionary(contract)]
    if table is not None:
        known = list(dict.fromkeys(row["table"] for row in rows))
        rows = [row for row in rows if row["table"] == table]
        if not rows:
            raise UsageError(f"There is no table {table!r}. Tables: {', '.join(known)}.")
    if as_json or form is SchemaFormat.JSON:
        print_json(rows)
        return
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def _print_all(contract: Contract, form: SchemaFormat, table: str | None, *, as_json: bool) -> None:
    from cbr_warehouse.cli.contract_formats import to_dbt, to_odcs

    if table is not None or as_json:
        raise UsageError(f"--format {form} is of every table and view: give neither TABLE nor --json.")
    print(to_odcs(contract) if form is SchemaFormat.ODCS else to_dbt(contract), end="")
