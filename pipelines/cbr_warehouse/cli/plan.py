"""``cbr-warehouse plan``: what a load would request, why, and how much, without requesting it."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.format_days import show_days
from cbr_warehouse.cli.invocation import invocation_of, utc_now
from cbr_warehouse.cli.json_values import print_json
from cbr_warehouse.cli.load import Since, Source, Until, read_range
from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.extract.forecast import Expected, Forecast
from cbr_warehouse.extract.plan import Plan, Sweep
from cbr_warehouse.extract.settle import Settle
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.forecast_inputs import expect_load
from cbr_warehouse.load.plan_source import plan_source
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.load.source_state import settle_of
from cbr_warehouse.settings.durations import print_duration
from cbr_warehouse.settings.select_sources import choose_sources

RETRIES = "days that their counts do not prove, if they still do not"
INVENTORY = "vaults, policies, backups and protectable resources"
BY_ID = "tasks that ended recently and are in no window"


def plan(
    context: typer.Context,
    *,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    deep: Annotated[bool, typer.Option("--deep", help="Plan to read the whole horizon again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Show what a load would ask the API for now, why, and what it would take."""
    invocation = invocation_of(context)
    wanted = LoadRequest(range=read_range(since, until, utc_now()), deep=deep)
    load_context = invocation.load_context(Progress())
    plans = []
    for chosen in choose_sources(invocation.settings, source, invocation.environ):
        found = plan_source(load_context.directory, chosen, wanted, load_context.clock())
        settle = settle_of(load_context.directory, chosen)
        plans.append((chosen.name, found, settle, expect_load(load_context, chosen, found)))
    if as_json:
        print_json([_plain(*one) for one in plans])
        return
    for one in plans:
        _show(*one)


def _show(name: str, found: Plan, settle: Settle, forecast: Forecast) -> None:
    until = print_instant(found.until) if found.until else "now"
    print(f"{name}: {found.purpose.value} load, {print_instant(found.since)} to {until}")
    print(f"  settle {print_duration(settle.duration)}: {settle.reason}")
    for sweep, expected in zip(found.sweeps, forecast.sweeps, strict=True):
        _line(_window(sweep), sweep.reason, expected)
    if found.follow_open:
        _line("by id", BY_ID, forecast.by_id)
    _line("counts", f"to verify {show_days(found.audited)}", forecast.counts)
    if forecast.retries.requests:
        _line("other ways", RETRIES, forecast.retries)
    if forecast.inventory.requests:
        _line("inventory", INVENTORY, forecast.inventory)
    records = "unknown" if forecast.records is None else f"about {forecast.records:,}"
    requests = "unknown" if forecast.requests is None else f"about {forecast.requests:,}"
    print(f"  expected: records {records}, requests {requests}")


def _line(request: str, reason: str, expected: Expected) -> None:
    print(f"  {request:<58} {_amount(expected):<38} {reason}")


def _amount(expected: Expected) -> str:
    if expected.records is None or expected.requests is None:
        return "unknown"
    by_rate = " by rate" if expected.basis == "rate" else ""
    return f"~{amount(expected.records, 'records')}, ~{amount(expected.requests, 'requests')}{by_rate}"


def _window(sweep: Sweep) -> str:
    parameters = sweep.query.parameters()
    return " ".join(f"{key}={value}" for key, value in parameters.items()) or "everything"


def _plain(name: str, found: Plan, settle: Settle, forecast: Forecast) -> dict[str, Any]:
    sweeps = zip(found.sweeps, forecast.sweeps, strict=True)
    return {
        "source": name,
        "purpose": found.purpose.value,
        "since": print_instant(found.since),
        "until": _instant(found.until),
        "settle": print_duration(settle.duration),
        "settle_reason": settle.reason,
        "expected_records": forecast.records,
        "expected_requests": forecast.requests,
        "sweeps": [
            {"query": sweep.query.parameters(), "reason": sweep.reason, **_numbers(expected)}
            for sweep, expected in sweeps
        ],
        "by_id": {"reason": BY_ID, **_numbers(forecast.by_id)} if found.follow_open else None,
        "counts": {"days": [day.isoformat() for day in found.audited], **_numbers(forecast.counts)},
        "other_ways": {"reason": RETRIES, **_numbers(forecast.retries)},
        "inventory": {"reason": INVENTORY, **_numbers(forecast.inventory)}
        if forecast.inventory.requests
        else None,
    }


def _numbers(expected: Expected) -> dict[str, Any]:
    return {
        "expected_records": expected.records,
        "expected_requests": expected.requests,
        "basis": expected.basis.value,
    }


def _instant(instant: datetime | None) -> str | None:
    return print_instant(instant) if instant else None
