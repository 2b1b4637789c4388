"""``cbr-warehouse plan``: what a load would ask for, and why, without asking."""

from typing import Annotated

import typer

from pipelines.cli.invocation import invocation_of, utc_now
from pipelines.cli.load import Since, Source, Until, read_range
from pipelines.contract.instants import print_instant
from pipelines.extract.plan import Plan, Sweep
from pipelines.load.context import Progress, Wanted
from pipelines.load.run import plan_source
from pipelines.settings.require import choose_sources


def plan(
    context: typer.Context,
    *,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    deep: Annotated[bool, typer.Option("--deep", help="Plan to read the whole horizon again.")] = False,
) -> None:
    """Show what a load would ask the API for now, and why."""
    invocation = invocation_of(context)
    wanted = Wanted(range=read_range(since, until, utc_now()), deep=deep)
    loading = invocation.loading(Progress())
    for chosen in choose_sources(invocation.settings, source, invocation.environ):
        _show(chosen.name, plan_source(loading, chosen, wanted))


def _show(name: str, found: Plan) -> None:
    until = print_instant(found.until) if found.until else "now"
    print(f"{name}: {found.purpose.value} load, {print_instant(found.since)} to {until}")
    for sweep in found.sweeps:
        print(f"  {_window(sweep):<58} {sweep.reason}")
    if found.follow_open:
        print(f"  {'by id':<58} tasks held open or ended lately that no window brings")
    print(f"  {'counts':<58} {len(found.audited)} days to prove")


def _window(sweep: Sweep) -> str:
    parameters = sweep.query.parameters()
    return " ".join(f"{key}={value}" for key, value in parameters.items()) or "everything"
