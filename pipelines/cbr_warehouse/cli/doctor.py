"""``cbr-warehouse doctor``: whether each source can be loaded, and which dialect it speaks."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.json_values import print_json
from cbr_warehouse.cli.load import Source
from cbr_warehouse.cli.terminal_text import show
from cbr_warehouse.doctor.examine import Clocks, examine
from cbr_warehouse.doctor.finding import Check, Diagnosis, State
from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.load.find_projects import AccountReport
from cbr_warehouse.load.serve import choose_lake
from cbr_warehouse.remote.place import directory_at
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Timeouts
from cbr_warehouse.warehouse.open_published import NOTHING_PUBLISHED, open_published
from cbr_warehouse.warehouse.place import lake_address

TIMEOUTS = Timeouts(budget_seconds=60.0)
"""An examination gives up sooner than a load: somebody waits for it."""


def doctor(
    context: typer.Context,
    *,
    source: Source = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Check configuration, sign-in, permission, clock and quota; find out how sources behave."""
    invocation = invocation_of(context)
    found, sources = _examine_accounts(invocation, source)
    found += _examine_lake(invocation)
    if not as_json:
        for one in found:
            show_diagnosis(one)
    for ready in sources:
        with CbrClient(ready.settings, ready.credentials, timeouts=TIMEOUTS) as client:
            found.append(examine(ready.settings, client, Clocks(utc_now, time.monotonic)))
        if not as_json:
            show_diagnosis(found[-1])
    if as_json:
        print_json([{**asdict(one), "is_well": one.is_well} for one in found])
    raise typer.Exit(0 if all(one.is_well for one in found) else 1)


def _examine_accounts(
    invocation: Invocation, source: str | None
) -> tuple[list[Diagnosis], tuple[ReadySource, ...]]:
    """Asks for the projects of accounts, writing nothing, and gives the sources with those that are new."""
    reports = invocation.find_projects(source, is_dry=True)
    found = [Diagnosis(f"account {one.account}", (_account_check(one),)) for one in reports]
    if any(one.failure for one in reports) and not invocation.settings.sources:
        return found, ()
    lists = {one.account: one.projects for one in reports if one.failure is None}
    return found, invocation.require_sources(source, lists)


def _examine_lake(invocation: Invocation) -> list[Diagnosis]:
    """Opens the DuckLake that readers read, where one is configured, and reads one of its files."""
    lake = invocation.configured.warehouse
    if lake is None:
        return []
    try:
        with open_published(lake_address(lake)) as connection:
            connection.execute("FROM lake.publication").fetchall()
        check = Check("ducklake", State.OK, f"{lake} can be read.")
    except CbrWarehouseError as error:
        is_new = str(error).startswith(NOTHING_PUBLISHED)
        check = Check("ducklake", State.NOTICE if is_new else State.FAILED, str(error))
        if is_new and (refused := _ask_store(invocation)) is not None:
            check = Check("ducklake", State.FAILED, str(refused))
    return [Diagnosis("warehouse", (check,))]


def _ask_store(invocation: Invocation) -> CbrWarehouseError | None:
    """What the store refuses that is to have the files of the DuckLake; None if all is well."""
    from cbr_warehouse.warehouse.lake.connect import try_store

    settings = invocation.configured
    try:
        directory = directory_at(settings.data_dir, settings.cache_dir, invocation.environ)
        if (lake := choose_lake(directory, settings)) is not None:
            try_store(lake)
    except CbrWarehouseError as error:
        return error
    return None


def _account_check(report: AccountReport) -> Check:
    if report.failure is not None:
        return Check("projects", State.FAILED, str(report.failure))
    new = ", ".join(f"{one.project} as {one.source}" for one in report.new)
    gone = ", ".join(f"{one.project} ({one.missing_why})" for one in report.projects if one.missing_since)
    said = f"{amount(len(report.projects), 'projects')} in regions with CBR"
    said += f"; new, taken up by the next load: {new}" if new else ""
    said += f"; missing: {gone}" if gone else ""
    return Check("projects", State.NOTICE if gone else State.OK, f"{said}.")


def show_diagnosis(found: Diagnosis, *, with_findings: bool = True) -> None:
    """Prints the checks of a source and, unless they are left out, how it behaves."""
    show(f"{found.source}: {'all well' if found.is_well else 'a check failed'}")
    for check in found.checks:
        show(f"  {check.state:<9} {check.name}: {check.said}")
    if not with_findings or found.most_questions == 0:
        return
    if found.findings:
        show("\n  How the source behaves, with what shows it (a load relies on none of this):")
    for finding in found.findings:
        show(f"\n  {finding.behaviour}: {finding.verdict or 'cannot tell'}. {finding.said}")
        for evidence in finding.evidence:
            show(f"      {evidence.asked}\n        -> {evidence.came}")
    show(
        f"\n  {amount(found.requests, 'requests')} made; an examination asks at most "
        f"{found.most_questions} questions.\n"
    )
