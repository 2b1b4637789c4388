"""``cbr-warehouse report``: the HTML report with its data and manifest."""

from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.report.options import ReportOptions
from cbr_warehouse.warehouse.open_published import require_published


def report(
    context: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: a new one below data_dir/reports.")
    ] = None,
    period: Annotated[str, typer.Option(help="Newest complete: day, week or month.")] = "week",
    audit: Annotated[
        bool, typer.Option("--audit", help="Add every table of the analytics as evidence.")
    ] = False,
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "en",
) -> None:
    """Write the report of the newest complete backup days: one HTML file, its data beside it."""
    page = write_report(invocation_of(context), out, period, lang, audit=audit)
    show(str(page))


def write_report(
    invocation: Invocation, out: Path | None, period: str = "week", lang: str = "en", *, audit: bool = False
) -> Path:
    """Writes a report and prints its verdict on stderr.

    Args:
        invocation: The global options of the command.
        out: Target folder; None for a new one below ``reports``.
        period: ``day``, ``week`` or ``month``.
        lang: ``en`` or ``zh``.
        audit: Whether to include all evidence.

    Returns:
        The page.

    Raises:
        UsageError: An option's value is not known, or the extra ``report`` is not installed.
    """
    options = ReportOptions.parse(period, lang, audit=audit)
    require_published(invocation.directory.warehouse)
    from cbr_warehouse.report.build import make_report  # needs the extra

    directory = invocation.directory
    made = make_report(
        directory.warehouse,
        out,
        directory.reports,
        options,
        utc_now(),
    )
    say(f"{made.verdict} Manifest: {made.manifest}")
    return made.page
