"""What a tick without news takes: of one source and of ten, each with a year of hourly loads behind it.

The real daemon and code server with the shipped settings and a cron of a minute; sources whose time stands
still. A tick begins with the minute and ends with the last run that it caused: the loads, and the publication
after them. Then a run of each job in a process of its own, split into Dagster's start, our code location,
Dagster's events and our steps. Run: python benchmarks/scheduled/tick.py [--sources N ...] [--ledgers N]
"""

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from past_ledgers import write_past
from services import Installation, emulated

MINUTE = 60
SETTLED_AFTER = 2
"""Ticks before those that are measured: the first loads everything, and counts the analytics."""

TICKS = 3
KEYS = {"access_key": "env:CBR_ACCESS_KEY", "secret_key": "env:CBR_SECRET_KEY"}
QUIET = ("--days", "3", "--tasks", "300", "--freeze")


def measure(sources: int, ledgers: int) -> dict[str, Any]:
    """Measures ticks of some sources.

    Args:
        sources: Number of sources.
        ledgers: Hourly loads that each had before.
    """
    names = [f"source-{number}" for number in range(sources)]
    with (
        tempfile.TemporaryDirectory(prefix="cbr-warehouse-tick-") as folder,
        emulated(*QUIET, "--projects", str(sources)) as url,
    ):
        installation = Installation(Path(folder))
        installation.configure(
            [
                {"name": name, "endpoint": url, "project_id": project, "history": "5d", **KEYS}
                for name, project in zip(names, _projects(url), strict=True)
            ],
            schedule="* * * * *",
        )
        if ledgers:
            write = partial(write_past, installation.folder / "data", loads=ledgers, until=datetime.now(UTC))
            with ProcessPoolExecutor() as pool:
                list(pool.map(write, names))
        # The first day of the past was asked for in part: it counts as lost, and the load exits with 1.
        installation.run("cbr-warehouse", "load", may_fail=True)
        installation.start()
        try:
            ticks = _ticks(installation)
        finally:
            installation.kill()
        costs = {job: _cost(installation, job, names[0]) for job in ("load", "publish")}
    return {"sources": sources, "ledgers": ledgers, "ticks": ticks, "runs": costs}


def _projects(url: str) -> list[str]:
    """Ids of the projects with tasks: sources of one project would be loaded one after the other."""
    listed = httpx.get(f"{url}/v3/auth/projects", headers={"X-Auth-Token": "demo-token"}).json()["projects"]
    return [project["id"] for project in listed if project["name"] != "MOS"]


def _ticks(installation: Installation) -> list[dict[str, Any]]:
    begin = (time.time() // MINUTE + 1 + SETTLED_AFTER) * MINUTE
    time.sleep(max(0.0, begin - 1 - time.time()))
    found = []
    for number in range(TICKS):
        at = begin + number * MINUTE
        before = _cpu(installation)
        time.sleep(max(0.0, at + MINUTE - 1 - time.time()))
        after = _cpu(installation)
        found.append(
            _tick(installation, at) | {f"cpu of {name}": after[name] - before[name] for name in after}
        )
        print(found[-1], flush=True)
    return found


def _cpu(installation: Installation) -> dict[str, float]:
    """CPU by service, of runs that have ended too: they are children of the code server."""
    used: dict[str, float] = {}
    for name, process in installation.servers():
        used[name] = used.get(name, 0.0) + process.cpu_seconds
    return used


def _tick(installation: Installation, at: float) -> dict[str, Any]:
    """When the runs of a tick ended, in seconds after it."""
    query = "SELECT pipeline_name, status, start_time, end_time FROM runs WHERE start_time BETWEEN ? AND ?"
    path = installation.home / "history" / "runs.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        rows = connection.execute(query, (at, at + MINUTE - 1)).fetchall()
    ended: dict[str, float] = {}
    for job, _, _, end in rows:
        ended[job] = max(ended.get(job, 0.0), (end or float("nan")) - at)
    return {
        "runs": len(rows),
        "not successful": sum(status != "SUCCESS" for _, status, _, _ in rows),
        **{f"{job} ended after": seconds for job, seconds in ended.items()},
    }


def _cost(installation: Installation, job: str, source: str) -> dict[str, float]:
    """The median cost of a run in a process of its own."""
    found = []
    for _ in range(3):
        out = installation.folder / "cost.json"
        script = str(Path(__file__).with_name("run_cost.py"))
        installation.run("python", script, job, source, str(out))
        found.append(json.loads(out.read_text(encoding="utf-8")))
    return {part: statistics.median(one[part] for one in found) for part in found[0]}


def main() -> None:
    """Measures, prints and, if asked for, writes the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sources", type=int, nargs="+", default=[1, 10], help="numbers of sources (1 10)")
    parser.add_argument("--ledgers", type=int, default=8760, help="hourly loads that each had (8760)")
    parser.add_argument("--out", type=Path, help="file for the result as JSON")
    arguments = parser.parse_args()
    results = [measure(sources, arguments.ledgers) for sources in arguments.sources]
    found = {"load average": os.getloadavg()[1], "cpus": os.cpu_count(), "measured": results}
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(f"{text}\n", encoding="utf-8")
    sys.exit(any(tick["not successful"] for one in results for tick in one["ticks"]))


if __name__ == "__main__":
    main()
