"""``cbr-warehouse views``: the views of the analytics by the question they answer, or one of them in full."""

from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.analytics.alarm_accuracy import read_alarm_accuracy
from cbr_warehouse.analytics.catalogue import PARTS, Definition, base_tables
from cbr_warehouse.analytics.catalogue import views as read_views
from cbr_warehouse.cli.completion import complete_view
from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.cli.terminal_text import show
from cbr_warehouse.errors import UsageError
from cbr_warehouse.warehouse.query import query

EXAMPLES = 3
"""Rows that are shown of a view."""


def views(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A view, in full.", show_default=False, autocompletion=complete_view
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="FILE",
            help="Write the rows of every view into a DuckDB file; computed on Spark with that engine.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the views of the analytics by question, or show one with its definition and example rows."""
    if write is not None:
        if name is not None:
            raise UsageError("--write writes every view: leave out the name.")
        _write(context, write)
        return
    definitions = {one.name: one for one in (*base_tables(), *read_views())}
    if name is None:
        print_table(
            ("question", "view", "kind"),
            sorted(
                (one.parts["Question"], f"analytics.{one.name}", one.kind) for one in definitions.values()
            ),
        )
        return
    found = definitions.get(name.removeprefix("analytics."))
    if found is None:
        raise UsageError(f"There is no view {name!r}. Views: {', '.join(sorted(definitions))}.")
    _show_definition(found)
    warehouse = invocation_of(context).published
    if found.kind == "macro":
        show(f'\nQuery it with: cbr-warehouse sql "FROM analytics.{found.name}({found.arguments})"')
    elif isinstance(warehouse, Path) and not warehouse.exists():
        show("\nExample rows: none yet. Load first with 'cbr-warehouse load' or 'cbr-warehouse demo'.")
    else:
        examples = query(warehouse, f'FROM analytics."{found.name}" LIMIT {EXAMPLES}')
        show("\nExample rows:")
        print_table(examples.columns, examples.rows)


def _write(context: typer.Context, target: Path) -> None:
    from cbr_warehouse.cli.progress import show_progress
    from cbr_warehouse.warehouse.view_tables import write_views

    invocation = invocation_of(context)
    with show_progress() as progress:
        load = invocation.load_context(progress)
        load.runner.prepare()
        try:
            sources = write_views(load.directory, load.contract, load.analytics, target, load.runner)
        finally:
            load.runner.close()
    show(f"{target}: every view, {amount(sources, 'sources')}")


def _show_definition(found: Definition) -> None:
    show(f"analytics.{found.name} ({found.kind})")
    for part in PARTS:
        show(f"\n{part}: {found.parts[part]}")
    if measured := read_alarm_accuracy().get(found.name):
        show(f"\nAccuracy: {measured.summary} (docs/alarms.md)")
    show("\nColumns:")
    print_table(("column", "description"), found.columns.items())
