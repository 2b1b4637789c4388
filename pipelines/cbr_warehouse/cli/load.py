"""``cbr-warehouse load``: one incremental load, or a range."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.completion import complete_source
from cbr_warehouse.cli.format_days import show_days
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.parse_time import read_time
from cbr_warehouse.cli.progress import show_progress
from cbr_warehouse.cli.show_accounts import read_missing, require_found, show_found
from cbr_warehouse.cli.show_inventory import show_inventory
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.day_reason import DayReason, explain
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.errors import UsageError
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.result import LoadResult, SourceResult
from cbr_warehouse.load.run import load as run_load
from cbr_warehouse.raw.ledgers import LoadEntry
from cbr_warehouse.settings.select_sources import ReadySource

Source = Annotated[
    str | None,
    typer.Option(help="Only the source of this name.", show_default=False, autocompletion=complete_source),
]
Since = Annotated[
    str | None,
    typer.Option(
        help="Load a range from here: a UTC day, an instant, or a duration before now such as 7d.",
        show_default=False,
    ),
]
Until = Annotated[
    str | None, typer.Option(help="End of the range, exclusive; the present if absent.", show_default=False)
]


def load(
    context: typer.Context,
    *,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read the whole horizon, not only what may have changed.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a load that is running.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for quarantined records and unverified days too.")
    ] = False,
) -> None:
    """Load what is new or may have changed, and bring tables and warehouse up to date."""
    invocation = invocation_of(context)
    wanted = LoadRequest(range=read_range(since, until, utc_now()), deep=deep, wait=wait)
    accounts = invocation.find_projects(source)
    show_found(accounts)
    report = run_and_show(invocation, require_found(invocation, source, accounts), wanted)
    missing = read_missing(invocation.configured, invocation.published_directory)
    for project in missing:
        say(str(project))
    of_accounts = 1 if any(one.failure for one in accounts) or (strict and missing) else 0
    raise typer.Exit(max(report.exit_status(strict=strict), of_accounts))


def run_and_show(invocation: Invocation, sources: Sequence[ReadySource], wanted: LoadRequest) -> LoadResult:
    """Loads with progress on the terminal, and prints the result.

    Args:
        invocation: The global options of the command.
        sources: The sources to load, with their secrets.
        wanted: What to load.

    Returns:
        The result of the load.
    """
    with show_progress() as progress:
        # Of a directory in a store, each source is brought up when its turn comes.
        load_context = invocation.load_context(progress, directory=invocation.published_directory)
        report = run_load(load_context, sources, wanted)
    show_report(report)
    return report


def read_range(since: str | None, until: str | None, now: datetime) -> Range | None:
    """The range that the options name, None where they name none; it begins where tasks can at the earliest.

    Raises:
        UsageError: The range is empty or lacks its beginning.
    """
    begin, end = read_time("--since", since, now), read_time("--until", until, now)
    if begin is None and end is None:
        return None
    if begin is None:
        raise UsageError("--until needs --since: a range has a beginning.")
    # Whether it begins before the present is for the source to say: this machine's clock may be behind.
    if end is not None and max(begin, EARLIEST) >= end:
        raise UsageError(f"The range is empty: --since {since} is not before --until {until}.")
    return Range(max(begin, EARLIEST), end)


def show_report(report: LoadResult) -> None:
    """Prints the result of each source on stdout, and problems on stderr."""
    for source in report.sources:
        entry = source.entry
        received = f"{amount(entry.records or 0, 'records')} in {amount(entry.requests or 0, 'requests')}"
        show(
            f"{entry.source}: {entry.purpose} load {entry.outcome}: {received}: "
            f"{entry.new or 0:,} new, {entry.changed or 0:,} changed, "
            f"{entry.superseded or 0:,} superseded, {amount(entry.repeats or 0, 'repeats')}, "
            f"{entry.quarantined or 0:,} quarantined"
        )
        show(f"{entry.source}: {_compare(entry)}")
        show_inventory(entry.source, source.inventory)
        _warn(source)
    for error in report.left_out:
        say(str(error))


def _compare(entry: LoadEntry) -> str:
    """Expected against actual numbers; the plan of a first load has no expectation."""
    if entry.expected_records is None or entry.expected_requests is None:
        return "the plan could not know how many records and requests it would take"
    records = amount(entry.expected_records, "records")
    return f"the plan expected about {records} in {amount(entry.expected_requests, 'requests')}"


def _warn(source: SourceResult) -> None:
    name = source.entry.source
    if source.entry.message:
        say(f"{name}: the load failed: {source.entry.message}")
    if source.damage.set_aside:
        days = ", ".join(source.damage.set_aside)
        say(
            f"{name}: raw files of {days} were damaged and are set aside below raw/damaged, or are gone; "
            "these days were read again. Check the disk: earlier versions and sightings that were only in "
            "them are lost."
        )
    for one in source.damage.beyond_reach:
        say(
            f"{name}: {one.path} is damaged, and the source no longer serves its day. The tables built from "
            "it are kept; restore the file from a backup, without it they cannot be rebuilt."
        )
    if source.kept:
        say(
            f"{name}: the tables of {', '.join(source.kept)} are kept as they were: raw lacks what they were "
            "built from, and the source did not send all of it again. Restore the raw files of these days "
            "from a backup and load again, or give up what is lost with 'cbr-warehouse rebuild'."
        )
    if source.held_back:
        say(f"{name}: not published: {source.held_back}")
    _say_reasons(source)
    if source.quarantined:
        say(
            f"{name}: {amount(source.quarantined, 'records')} in quarantine; "
            "see the table quarantine for the reasons."
        )


def _say_reasons(source: SourceResult) -> None:
    """Days that are not complete, each reason with what to do; those beyond retention once, as a note."""
    name = source.entry.source
    for (state, reason), days in source.days_by_reason().items():
        if explained := explain(state, reason):
            say(f"{name}: {state}: {show_days(days)}: {explained.why}. {explained.remedy}")
    explained = explain(DayState.UNVERIFIED, DayReason.EDGE_OF_RETENTION)
    if source.newly_beyond and explained:
        edge = show_days(source.newly_beyond)
        say(f"{name}: at the edge of retention: {edge}: {explained.why}. {explained.remedy}")
