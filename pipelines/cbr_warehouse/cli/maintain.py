"""``cbr-warehouse maintain``: folds ledgers, compacts raw files, removes leftovers and old days."""

from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.load.maintain import maintain as run_maintain
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.load.publish import publish_warehouse
from cbr_warehouse.remote.place import tidy_store


def maintain(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is to do.")] = False,
) -> None:
    """Make few files of many below raw, without losing a record; a load does part of it.

    Where the configuration has keep, days older than that are removed from raw, tables and warehouse. Their
    rows of coverage stay, with the time in removed_at.
    """
    invocation = invocation_of(context)
    load_context = invocation.load_context(Progress())
    sources = {source.name: source for source in invocation.settings.sources}
    is_any, removed = False, 0
    for one in run_maintain(load_context, sources, keep=invocation.settings.keep, is_dry_run=dry_run):
        is_any, removed = True, removed + one.removed
        gone = "to remove" if dry_run else "removed"
        print(
            f"{one.source}: {one.ledgers:,} ledgers {'to fold' if dry_run else 'folded'}, "
            f"{one.files:,} raw files of {one.days:,} days {'to compact' if dry_run else 'compacted'}, "
            f"{one.leftovers:,} leftovers {gone}, {one.removed:,} old days {gone}"
        )
    if removed and not dry_run:
        publish_warehouse(load_context)
    if not dry_run and (orphans := tidy_store(load_context.directory, utc_now())):
        print(f"{load_context.directory.origin}: {orphans:,} objects removed that no commit names")
    if not is_any:
        print("There is nothing to maintain: no source was loaded yet.")
