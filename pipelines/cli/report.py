"""``cbr-warehouse report``: the HTML report with its data and manifest."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.invocation import Invocation, invocation_of, utc_now
from pipelines.errors import UsageError

NEEDED = ("altair", "great_tables", "jinja2", "vl_convert")
"""What the extra ``report`` installs."""


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
    print(page)


def missing_for_report() -> list[str]:
    """Packages of the extra ``report`` that are not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def write_report(
    invocation: Invocation, out: Path | None, period: str = "week", lang: str = "en", *, audit: bool = False
) -> Path:
    """Makes a report and says on stderr what it found.

    Args:
        invocation: The options before the verb.
        out: Where to; None for a new folder below ``reports``.
        period: ``day``, ``week`` or ``month``.
        lang: ``en`` or ``zh``.
        audit: Whether all evidence belongs to it.

    Returns:
        The page.

    Raises:
        UsageError: An option's value is not known, or the extra ``report`` is not installed.
    """
    if missing := missing_for_report():
        raise UsageError(
            f"The report needs {', '.join(missing)}, which the extra 'report' brings: "
            "pip install 'cbr-warehouse[report]'."
        )
    from pipelines.report.make import Wanted, make_report  # needs the extra
    from pipelines.report.period import Length  # needs the extra
    from pipelines.report.texts import Language  # needs the extra

    for option, value, allowed in (("--period", period, Length), ("--lang", lang, Language)):
        if value not in list(allowed):
            raise UsageError(f"{option} {value}: not known. Allowed: {', '.join(allowed)}.")
    directory = invocation.directory
    made = make_report(
        directory.warehouse,
        out,
        directory.reports,
        Wanted(Length(period), Language(lang), audit),
        utc_now(),
    )
    typer.echo(f"{made.verdict} Manifest: {made.manifest}", err=True)
    return made.page
