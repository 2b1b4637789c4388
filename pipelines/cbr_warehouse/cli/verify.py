"""``cbr-warehouse verify``: the integrity of the data directory, or of a share of it; read-only."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.json_values import print_json
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.errors import DamagedFileError, WarehouseError
from cbr_warehouse.integrity.finding import Check, Finding, Verified
from cbr_warehouse.integrity.subset import parse_subset
from cbr_warehouse.integrity.verify import verify as run_verify
from cbr_warehouse.warehouse.place import lake_address

if TYPE_CHECKING:
    from cbr_warehouse.settings.analytics import AnalyticsSettings


def verify(
    context: typer.Context,
    *,
    subset: Annotated[
        str | None,
        typer.Option(
            metavar="<n/m>",
            help="Only this share: 3/30 is the third of thirty, which together are everything.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Compare checksums, tables and warehouse with raw; read-only, beside running loads too."""
    share = None if subset is None else parse_subset(subset)
    invocation = invocation_of(context)
    directory = invocation.directory
    if not directory.sources_with_raw():
        raise WarehouseError(
            f"There is nothing to verify in {directory.raw}. Load first with 'cbr-warehouse load'."
        )
    found = run_verify(directory, invocation.contract, analytics_of(invocation), utc_now(), share)
    found.findings += _in_lake(invocation)
    if as_json:
        print_json({"subset": None if share is None else str(share), **asdict(found)})
    else:
        show_verified(found)
    raise typer.Exit(1 if found.findings else 0)


def _in_lake(invocation: Invocation) -> list[Finding]:
    """What differs in the newest snapshots of the DuckLake, where one is configured."""
    lake = invocation.configured.warehouse
    if lake is None:
        return []
    from cbr_warehouse.warehouse.lake.snapshots import compare_snapshots

    return [Finding(Check.LAKE, None, None, what) for what in compare_snapshots(lake_address(lake))]


def analytics_of(invocation: Invocation) -> "AnalyticsSettings":
    """The settings of the analytics, also where what they are read with is damaged."""
    try:
        return invocation.settings.analytics
    except DamagedFileError:  # the list of an account's projects, which is a finding
        return invocation.configured.analytics


def show_verified(found: Verified) -> None:
    """Prints what was verified, and what differs."""
    seen = found.amount
    show(
        f"verified: {amount(seen.raw_files, 'raw files')}, {amount(seen.ledger_files, 'ledgers')}, "
        f"{amount(seen.records, 'records')} in tables of {amount(seen.days, 'days')}, "
        f"{seen.days_rebuilt:,} of them made again from raw, "
        f"{amount(seen.warehouse_tables, 'tables')} and views of the warehouse"
    )
    for finding in found.findings:
        show(finding.what)
    for note in found.notes:
        say(note)
    count = len(found.findings)
    show(amount(count, "findings") if count else "nothing differs")
