"""``cbr-warehouse report``: the HTML report with its data and manifest, and its digest for mail and chat."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.cli.completion import complete_source
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.errors import UsageError
from cbr_warehouse.remote.place import keep_in_store
from cbr_warehouse.report.options import ReportOptions, Scope, require_packages
from cbr_warehouse.warehouse.open_published import require_published

_PERIOD = (
    "The newest complete day, week, month or quarter; or a day 2026-11-27, a week 2026-W47, a month 2026-10, "
    "a quarter 2026-Q3, or FROM..TO. Days are backup days."
)


class DigestFormat(StrEnum):
    """How a digest is printed."""

    TEXT = "text"
    JSON = "json"


def report(
    context: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: a new one below data_dir/reports.")
    ] = None,
    period: Annotated[str, typer.Option(help=_PERIOD)] = "week",
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; repeatable.", autocompletion=complete_source)
    ] = None,
    vault: Annotated[
        list[str] | None, typer.Option(help="Only resources of this vault, its id or name; repeatable.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="Only resources of this policy, its id; repeatable.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Add an evidence pack by clause: one archive, see verify-pack.")
    ] = False,
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "en",
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the page as report.pdf, too; needs Chromium.")
    ] = False,
    digest: Annotated[
        bool,
        typer.Option("--digest", help="Print the verdict for mail or chat instead of writing the report."),
    ] = False,
    format_: Annotated[
        DigestFormat | None, typer.Option("--format", help="Of the digest: text or json.")
    ] = None,
) -> None:
    """Write the report of a period of backup days: one HTML file, its data beside it."""
    scope = Scope.of(source or (), vault or (), policy or ())
    options = ReportOptions.parse(period, lang, audit=audit, scope=scope, pdf=pdf)
    _refuse_contradictions(options, out, digest=digest, format_=format_)
    if digest:
        show(read_digest(invocation_of(context), options, format_ or DigestFormat.TEXT).rstrip("\n"))
    else:
        show(str(write_report(invocation_of(context), out, options)))


def write_report(invocation: Invocation, out: Path | None, options: ReportOptions) -> Path:
    """Writes a report and prints its verdict on stderr.

    Args:
        invocation: The global options of the command.
        out: Target folder; None for a new one below ``reports``.
        options: Period, limits and language.

    Returns:
        The page.

    Raises:
        UsageError: The extra ``report`` is not installed, or the warehouse has no such source, vault or
            policy, or nothing of the period.
    """
    require_packages()
    directory = invocation.directory if options.audit else invocation.published_directory
    published = invocation.published_in(directory)
    require_published(published)
    from cbr_warehouse.report.build import PDF, make_report  # needs the extra

    made = make_report(published, out, directory.reports, options, utc_now())
    printed = f" PDF: {made.page.with_name(PDF)}" if options.pdf else ""
    say(f"{made.verdict} Manifest: {made.manifest}{printed}")
    if options.audit:
        _add_evidence(invocation, made.manifest, options.scope.sources)
    keep_in_store(directory, made.page.parent, "report", utc_now())
    return made.page


def read_digest(invocation: Invocation, options: ReportOptions, format_: DigestFormat) -> str:
    """The digest as it is printed.

    Args:
        invocation: The global options of the command.
        options: Period, limits and language.
        format_: Text or JSON.

    Raises:
        UsageError: The warehouse has no such source, vault or policy, or nothing of the period.
    """
    published = invocation.published
    require_published(published)
    from cbr_warehouse.report.digest import digest_text, make_digest

    digest = make_digest(published, options)
    if format_ is DigestFormat.JSON:
        return json.dumps(digest, indent=2)
    return digest_text(digest)


def _refuse_contradictions(
    options: ReportOptions, out: Path | None, *, digest: bool, format_: DigestFormat | None
) -> None:
    if format_ is not None and not digest:
        raise UsageError("--format is the format of the digest. Add --digest, or leave it out.")
    written = (("--out", out is not None), ("--pdf", options.pdf), ("--audit", options.audit))
    if digest and (named := [name for name, is_given in written if is_given]):
        raise UsageError(
            f"--digest writes no file, so that {' and '.join(named)} cannot be given with it. "
            "Write the report with a command of its own."
        )


def _add_evidence(invocation: Invocation, report_manifest: Path, sources: Sequence[str]) -> None:
    from cbr_warehouse.evidence.beside_report import add_pack

    exceptions = invocation.settings.exceptions
    pack = add_pack(invocation.directory, invocation.contract, exceptions, report_manifest, sources)
    say(f"Evidence pack: {pack.path} (SHA-256 of its manifest: {pack.manifest_sha256})")
