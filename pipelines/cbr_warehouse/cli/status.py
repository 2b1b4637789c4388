"""``cbr-warehouse status``: the state of each source."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.cli.json_values import plain, print_json
from cbr_warehouse.cli.schema import Json
from cbr_warehouse.cli.show_accounts import read_missing
from cbr_warehouse.cli.show_delays import show_delays
from cbr_warehouse.cli.show_inventory import (
    newest_inventory,
    plain_inventory,
    show_newest_inventory,
)
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.cli.terminal_text import show
from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.warehouse.lateness import DayFinality, LatenessMeasure, read_delays
from cbr_warehouse.warehouse.status import SourceStatus, read_status

COLUMNS = (
    "source",
    "newest",
    "tasks",
    "open_tasks",
    "complete",
    "incomplete",
    "unverified",
    "lost",
    "never_loaded",
    "beyond_retention",
    "hours_left",
    "quarantined",
    "last_load_at",
    "last_outcome",
)
"""What the table shows; the JSON has everything."""


def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show the state of each source: newest data, open tasks, days, the last load.

    hours_left is the retention clock: how long the oldest day that is not proved complete stays whole at
    the source. The second table says how late new tasks, their ends and later changes become known: each
    value lies between two bounds, since what happens between two loads is not known. Projects that an account
    no longer has are named last.
    """
    invocation = invocation_of(context)
    warehouse = invocation.published_in(invocation.directory)
    missing = {one.found.source: one for one in read_missing(invocation.configured, invocation.directory)}
    found, delays = read_status(warehouse, utc_now() - RETENTION), read_delays(warehouse)
    inventories = {one.source: newest_inventory(invocation.directory, one.source) for one in found}
    if not as_json:
        show_status(found)
        for source, inventory in inventories.items():
            show_newest_inventory(source, inventory)
        show_delays(delays)
        for project in missing.values():
            show(str(project))
        return
    print_json(
        [
            _plain(one)
            | {
                "missing_since": plain(
                    missing[one.source].found.missing_since if one.source in missing else None
                )
            }
            | {"inventory": plain_inventory(inventories[one.source])}
            | {"lateness": [_plain(row) for row in delays.lateness if row.source == one.source]}
            | {"day_finality": [_plain(row) for row in delays.days if row.source == one.source]}
            for one in found
        ]
    )


def show_status(found: Iterable[SourceStatus]) -> None:
    """Prints the state of sources as a table, then why days are not complete and loads failed."""
    sources = list(found)
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in map(_plain, sources)))
    for one in sources:
        _show_reasons(one)
        if one.last_message:
            show(f"{one.source}: the last load ({one.last_outcome}) reported: {one.last_message}")


def _show_reasons(status: SourceStatus) -> None:
    """Why days are not complete, and what to do."""
    for one in status.not_complete:
        span = f"{one.first_day}" if one.days == 1 else f"between {one.first_day} and {one.last_day}"
        count = amount(one.days, "days")
        if one.why is None:
            why = "an earlier version recorded no reason. The next load does"
            show(f"{status.source}: {one.state}: {count} ({span}): {why}.")
        else:
            show(f"{status.source}: {one.state} ({one.reason}): {count} ({span}): {one.why}. {one.remedy}")


def _plain(one: SourceStatus | LatenessMeasure | DayFinality) -> dict[str, Any]:
    return {key: plain(value) for key, value in asdict(one).items()}
