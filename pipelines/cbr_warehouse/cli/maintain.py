"""``cbr-warehouse maintain``: folds ledgers, compacts raw files, removes leftovers and old days."""

from typing import Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.load.maintain import maintain as run_maintain
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.load.publish import publish_warehouse
from cbr_warehouse.remote.place import tidy_store
from cbr_warehouse.warehouse.place import LakeAddress


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
            f"{one.source}: {amount(one.ledgers, 'ledgers')} {'to fold' if dry_run else 'folded'}, "
            f"{amount(one.files, 'raw files')} of {amount(one.days, 'days')} "
            f"{'to compact' if dry_run else 'compacted'}, "
            f"{amount(one.leftovers, 'leftovers')} {gone}, {amount(one.removed, 'old days')} {gone}"
        )
    if removed and not dry_run:
        publish_warehouse(load_context)
    if not dry_run and (orphans := tidy_store(load_context.directory, utc_now())):
        print(f"{load_context.directory.origin}: {amount(orphans, 'objects')} removed that no commit names")
    if not dry_run and load_context.lake is not None:
        _maintain_lake(load_context.lake)
    if not is_any:
        print("There is nothing to maintain: no source was loaded yet.")


def _maintain_lake(address: LakeAddress) -> None:
    from cbr_warehouse.warehouse.lake.snapshots import maintain_lake

    done = maintain_lake(address)
    print(
        f"{address}: {amount(done.expired, 'snapshots')} ended, {amount(done.removed, 'files')} removed, "
        f"{amount(len(done.orphans), 'files')} that no snapshot names, left by killed publications:"
        if done.orphans
        else f"{address}: {amount(done.expired, 'snapshots')} ended, {amount(done.removed, 'files')} removed"
    )
    for file in done.orphans:
        print(f"  {file}")
