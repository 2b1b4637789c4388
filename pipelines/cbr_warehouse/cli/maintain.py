"""``cbr-warehouse maintain``: folds ledgers, compacts raw files and removes leftovers."""

from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of
from cbr_warehouse.load.maintain import maintain as run_maintain
from cbr_warehouse.load.progress import Progress


def maintain(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is to do.")] = False,
) -> None:
    """Make few files of many below raw, without losing a record; a load does part of it."""
    invocation = invocation_of(context)
    load_context = invocation.load_context(Progress())
    sources = {source.name: source for source in invocation.settings.sources}
    is_any = False
    for one in run_maintain(load_context, sources, is_dry_run=dry_run):
        is_any = True
        print(
            f"{one.source}: {one.ledgers:,} ledgers {'to fold' if dry_run else 'folded'}, "
            f"{one.files:,} raw files of {one.days:,} days {'to compact' if dry_run else 'compacted'}, "
            f"{one.leftovers:,} leftovers {'to remove' if dry_run else 'removed'}"
        )
    if not is_any:
        print("There is nothing to maintain: no source was loaded yet.")
