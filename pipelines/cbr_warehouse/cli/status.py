"""``cbr-warehouse status``: the state of each source."""

import json
from dataclasses import asdict

import typer

from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.cli.json_values import plain
from cbr_warehouse.cli.schema import Json
from cbr_warehouse.cli.sql import print_table
from cbr_warehouse.contract.api_facts import RETENTION
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
    """Show newest data, open tasks, days by state, quarantined records and the last load of each source.

    hours_left is the retention clock: how long the oldest day that is not proved stays whole at the source.
    """
    found = read_status(invocation_of(context).directory.warehouse, utc_now() - RETENTION)
    rows = [{key: plain(value) for key, value in asdict(one).items()} for one in found]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
        for one in found:
            _print_reasons(one)


def _print_reasons(status: SourceStatus) -> None:
    """Below the table: why days are not complete, and what to do."""
    for one in status.not_complete:
        span = f"{one.first_day}" if one.days == 1 else f"between {one.first_day} and {one.last_day}"
        count = "1 day" if one.days == 1 else f"{one.days:,} days"
        print(f"{status.source}: {one.state} ({one.reason}): {count} ({span}): {one.why}. {one.remedy}")
