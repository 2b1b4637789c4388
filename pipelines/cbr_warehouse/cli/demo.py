"""``cbr-warehouse demo``: load, report and queries against a built-in emulator."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from cbr_warehouse.cli.demo_queries import read_sql
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.load import show_report
from cbr_warehouse.cli.progress import show_progress
from cbr_warehouse.cli.report import write_report
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.contract.timestamps import parse_instant, print_instant
from cbr_warehouse.errors import CbrWarehouseError, UsageError
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.run import load as run_load
from cbr_warehouse.raw.ledgers import read_loads
from cbr_warehouse.report.options import ReportOptions, missing_packages
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.atomic_write import read_json, write_json
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.query import query

DEMO_SOURCE = "demo"
EMULATOR_TOKEN = "demo-token"  # noqa: S105  # the emulator's published default
EMULATOR_PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
LATER = timedelta(hours=1)
"""How much later the second load of the demo is."""


def demo(
    context: typer.Context,
    *,
    tasks: Annotated[int, typer.Option(help="About how many tasks the estate has run.", min=1)] = 50_000,
    days: Annotated[int, typer.Option(help="In how many days.", min=1)] = 30,
    seed: Annotated[int, typer.Option(help="Another seed is another estate.")] = 1,
) -> None:
    """Load 30 days of a built-in emulator, then an hour more, and show what is there."""
    invocation = invocation_of(context)
    if isinstance(place := invocation.configured.data_dir, str):
        raise UsageError(f"{place}: the demo is for a folder. Name one with --data-dir.")
    _refuse_other_sources(invocation.directory)
    estate = _remembered_estate(invocation.directory, tasks, days, seed)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = (
        "127.0.0.1"  # the emulator is local, never behind a proxy
    )
    with _emulator(estate) as base_url:
        ahead = _catch_up(invocation.directory, base_url, estate)
        first = _load(invocation, base_url, ahead)
        _advance(base_url, LATER)
        second = _load(invocation, base_url, ahead + LATER)
    _show_counts(invocation.directory.warehouse)
    _show_report(invocation)
    _show_next(invocation)
    raise typer.Exit(max(first.exit_status(strict=False), second.exit_status(strict=False)))


@dataclass(frozen=True)
class _Estate:
    """The estate of the emulator, stored with the data so that a second demo continues it."""

    tasks: int
    days: int
    seed: int
    now: datetime


def _refuse_other_sources(directory: DataDirectory) -> None:
    others = [name for name in directory.sources_with_raw() if name != DEMO_SOURCE]
    if others:
        raise UsageError(
            f"{directory.root} holds the source {others[0]!r}; the demo does not touch real data. "
            "Choose another place: cbr-warehouse --data-dir /tmp/cbr-demo demo"
        )


def _remembered_estate(directory: DataDirectory, tasks: int, days: int, seed: int) -> _Estate:
    path = directory.root / ".demo.json"
    kept = read_json(path)
    if kept is None or [kept["tasks"], kept["days"], kept["seed"]] != [tasks, days, seed]:
        if directory.sources_with_raw():
            raise UsageError(
                f"{directory.root} holds a demo of another estate. Remove it, or choose another place: "
                "cbr-warehouse --data-dir /tmp/cbr-demo demo"
            )
        kept = {"tasks": tasks, "days": days, "seed": seed, "now": print_instant(utc_now())}
        write_json(path, kept)
    now = parse_instant(kept["now"])
    return _Estate(tasks, days, seed, now or utc_now())


def _catch_up(directory: DataDirectory, base_url: str, estate: _Estate) -> timedelta:
    """Moves the emulator's clock to the present, or to where the demo before left it.

    Returns:
        How far that is ahead of the present.
    """
    now = utc_now()
    before = [entry.started_at for entry in read_loads(directory, DEMO_SOURCE)]
    at = max([now, *(started_at + timedelta(minutes=1) for started_at in before)])
    _advance(base_url, max(at - estate.now, timedelta()))
    return at - now


@contextmanager
def _emulator(estate: _Estate) -> Iterator[str]:
    """Runs the emulator as a process of its own, as a user would, and gives its base URL."""
    command = [sys.executable, "-m", "cbr_warehouse.cli.main", "emulator", "--port", "0"]
    command += ["--tasks", str(estate.tasks), "--days", str(estate.days), "--seed", str(estate.seed)]
    command += ["--now", print_instant(estate.now)]
    # A terminal's Ctrl-C reaches every process of a command: this one is ended by us, and not by that.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ourselves
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        base_url = process.stdout.readline().strip() if process.stdout else ""
        if not base_url:
            raise CbrWarehouseError(
                "The emulator did not start; its output is above. Try 'cbr-warehouse emulator --port 0'."
            )
        yield base_url
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout:
            process.stdout.close()


def _advance(base_url: str, span: timedelta) -> None:
    body = json.dumps({"advance": f"{int(span.total_seconds())}s"}).encode()
    headers = {"Content-Type": "application/json"}
    address = f"{base_url}/__emulator/clock"
    request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310  # our emulator
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # our emulator
        answer.read()


def _load(invocation: Invocation, base_url: str, ahead: timedelta) -> LoadResult:
    """Loads as a user does, with the clock as far ahead as the emulator's."""
    source = SourceSettings.model_validate(
        {
            "name": DEMO_SOURCE,
            "endpoint": base_url,
            "project_id": EMULATOR_PROJECT,
            "region": "demo",
            "token": "env:CBR_WAREHOUSE_DEMO_TOKEN",
            "inventory": True,
        }
    )
    ready = ReadySource(source, TokenCredentials(SecretStr(EMULATOR_TOKEN)))
    with show_progress() as progress:
        load_context = invocation.load_context(progress, clock=lambda: utc_now() + ahead)
        report = run_load(load_context, [ready], LoadRequest())
    show_report(report)
    return report


def _show_counts(warehouse: Path) -> None:
    counts = query(warehouse, read_sql("rows_by_source"))
    print()
    print_table(counts.columns, counts.rows)
    print("\nSuccess rate of attempts, success / (success + failed + timeout), tasks that ended:")
    rates = query(warehouse, read_sql("attempts_by_operation"))
    print_table(rates.columns, rates.rows)


def _show_report(invocation: Invocation) -> None:
    print()
    if missing := missing_packages():
        print(f"No report: it needs {', '.join(missing)}; pip install 'cbr-warehouse[report]' brings them.")
        return
    print(f"Report: {write_report(invocation, None, ReportOptions())}")


def _show_next(invocation: Invocation) -> None:
    data_dir = "" if invocation.data_dir is None else f" --data-dir {invocation.data_dir}"
    command = f"{Path(sys.argv[0]).name}{data_dir}"
    prefix = ".venv/bin/" if Path(".venv/bin/cbr-warehouse").exists() else ""
    print("\nLook further:")
    for example in (
        "open --browser",
        "status",
        "sql \"SELECT error_code, count(*) FROM tasks WHERE status = 'failed' GROUP BY 1 ORDER BY 2 DESC\"",
        "schema",
        "report --period month --audit",
        "emulator --help",
    ):
        print(f"  {prefix}{command} {example}")
