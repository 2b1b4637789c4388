"""``cbr-warehouse rebuild``: rebuilds tables and warehouse from raw alone."""

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.cli.progress import show_progress
from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.load.run import rebuild as run_rebuild
from cbr_warehouse.warehouse.status import read_status


def rebuild(context: typer.Context) -> None:
    """Rebuild tables and warehouse from raw alone, without the API."""
    invocation = invocation_of(context)
    if not invocation.directory.sources_with_raw():
        raise WarehouseError(
            f"There is nothing to rebuild from in {invocation.directory.raw}. "
            "Load first with 'cbr-warehouse load'."
        )
    with show_progress() as progress:
        run_rebuild(invocation.load_context(progress))
    for source in read_status(invocation.directory.warehouse, utc_now() - RETENTION):
        print(f"{source.source}: {amount(source.tasks, 'tasks')} rebuilt from raw")
