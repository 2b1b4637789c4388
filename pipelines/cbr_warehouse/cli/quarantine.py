"""``cbr-warehouse quarantine``: records that failed validation, and another try under a wider contract."""

from typing import Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.completion import complete_source
from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.cli.progress import show_progress
from cbr_warehouse.cli.query_output import Format, print_answer
from cbr_warehouse.cli.terminal_text import say
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.load.revalidate_quarantine import requeue as run_requeue
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.warehouse.query import stream_query

quarantine = typer.Typer(
    help="Records that failed validation, and another try for them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SHORT = 80
"""Characters of a record that a table shows; JSON and CSV have all of it."""


@quarantine.command("list")
def show(
    context: typer.Context,
    *,
    source: Annotated[
        str | None, typer.Option(help="Only of this source.", autocompletion=complete_source)
    ] = None,
    unresolved: Annotated[
        bool, typer.Option("--unresolved", help="Only records whose task has no valid version.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", help="How to print the records.")] = Format.TABLE,
) -> None:
    """List the records that failed validation, and why."""
    text = f"left(record_text, {_SHORT})" if output is Format.TABLE else "record_text"
    wanted = ["true"]
    if source is not None:
        wanted.append(f"source = {literal(source)}")
    if unresolved:
        wanted.append("resolved_at IS NULL")
    statement = (
        "SELECT source, day, reason, task_id, first_seen_at, last_seen_at, resolved_at, "
        f"{text} AS record_text FROM quarantine "
        f"WHERE {' AND '.join(wanted)} ORDER BY source, first_seen_at, record_text"
    )
    with stream_query(invocation_of(context).published, statement) as answer:
        print_answer(answer, output)


@quarantine.command()
def requeue(context: typer.Context) -> None:
    """Validate them again by the contract as it is now, without the API."""
    invocation = invocation_of(context)
    if not invocation.directory.sources_with_raw():
        raise WarehouseError(
            f"There is nothing in {invocation.directory.raw} yet. Load first with 'cbr-warehouse load'."
        )
    with show_progress() as progress:
        found = run_requeue(invocation.load_context(progress))
    for one in found:
        print(
            f"{one.source}: of {amount(one.before, 'records')} in quarantine {one.resolved:,} are valid now, "
            f"{one.after:,} remain"
        )
    if any(one.after for one in found):
        say("To see why those remain: cbr-warehouse quarantine list --unresolved")
