"""``make compare``: cbr-warehouse and dlt loading from the same difficult sources.

Prints a Markdown table. Each loader has its own emulator with the same tasks; events such as clock advances
depend on the number of pages read, so both face the same conditions.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from emulators import NOW, advance, served, truth
from loaders import PROJECT, CbrWarehouse, Dlt, Loader, load
from proxy import proxied


@dataclass(frozen=True)
class Result:
    """Result of one loader with one source.

    Attributes:
        rows: Rows the source has, or still has.
        lost: Rows of them that are not stored.
        stale: Rows stored with an outdated status.
        doubled: Rows stored more than once.
        requests: Requests used.
        statuses: Exit statuses of its loads.
    """

    rows: int
    lost: int
    stale: int
    doubled: int
    requests: int
    statuses: tuple[int, ...]


def compare(loader: Loader, expected: dict[str, str], requests: int, statuses: list[int]) -> Result:
    """Compares the stored rows with the expected ones."""
    stored = loader.rows()
    ids = {task_id for task_id, _ in stored}
    return Result(
        rows=len(expected),
        lost=len(expected.keys() - ids),
        stale=sum(1 for item in expected.items() if item[0] in ids and item not in stored),
        doubled=sum(stored.values()) - len(ids),
        requests=requests,
        statuses=tuple(statuses),
    )


def clamped(loader: Loader) -> Result:
    """The server returns at most 50 rows a page without saying so."""
    with served("--tasks", "1000", "--days", "10", "--dialect", "max_limit=50") as url, proxied(url) as proxy:
        done = load(loader, proxy.url)
        return compare(loader, truth(url), proxy.requests, [done.status])


def expiring(loader: Loader) -> Result:
    """Oldest rows come first and expire while pages are read; rows not expired are expected."""
    dialect = [
        word for one in ("direction=asc", "retention=4d", "max_limit=100") for word in ("--dialect", one)
    ]
    with served("--tasks", "2000", "--days", "4", *dialect) as url, proxied(url) as proxy:
        before = truth(url)
        proxy.begin(lambda pages: advance(url, "30m") if pages <= 24 else None)
        done = load(loader, proxy.url)
        alive = {task_id: status for task_id, status in truth(url).items() if task_id in before}
        stored = dict(loader.rows().keys())
        expected = {task_id: stored.get(task_id, status) for task_id, status in alive.items()}
        return compare(loader, expected, proxy.requests, [done.status])


def killed(loader: Loader) -> Result:
    """Killed with SIGKILL at page 55 of 100, then run again; the requests are those of the second run."""
    with (
        served("--tasks", "10000", "--days", "29", "--dialect", "max_limit=100") as url,
        proxied(url) as proxy,
    ):
        process = loader.start(proxy.url)
        proxy.begin(lambda pages: process.kill() if pages == 55 else None)
        process.communicate(timeout=900)
        proxy.begin()
        done = load(loader, proxy.url)
        return compare(loader, truth(url), proxy.requests, [process.returncode, done.status])


def second_edges(loader: Loader) -> Result:
    """Between two loads, tasks appear in the same second as the newest stored ones."""
    base = [task(n, NOW - timedelta(hours=200 - n), "success") for n in range(200)]
    last = NOW - timedelta(hours=1)
    late = [task(900 + n, last + timedelta(microseconds=20_000 * n - 500_000), "success") for n in range(50)]
    return two_loads(loader, base, base + late, "bounds=exclusive")


def late_end(loader: Loader) -> Result:
    """Twenty tasks run for four days, longer than both look back (48 h), and end between two loads."""
    base = [task(n, NOW - timedelta(hours=200 - n), "success") for n in range(200)]
    begin = NOW - timedelta(days=4)
    running = [task(500 + n, begin + timedelta(minutes=n), "running") for n in range(20)]
    ended = [task(500 + n, begin + timedelta(minutes=n), "success") for n in range(20)]
    return two_loads(loader, base + running, base + ended, "filter=created_at")


def two_loads(loader: Loader, first: list[object], second: list[object], dialect: str) -> Result:
    """Loads once from each of two states of a source."""
    statuses, requests = [], 0
    expected: dict[str, str] = {}
    for records in (first, second):
        with ExitStack() as stack:
            file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "records.json"
            file.write_text(json.dumps(records), encoding="utf-8")
            url = stack.enter_context(served("--records", str(file), "--dialect", dialect))
            proxy = stack.enter_context(proxied(url))
            statuses.append(load(loader, proxy.url).status)
            requests += proxy.requests
            expected = truth(url)
    return compare(loader, expected, requests, statuses)


def task(number: int, created_at: datetime, status: str) -> dict[str, object]:
    """A task that starts at once and ends after a minute, unless it is running."""
    ended_at = None if status == "running" else printed(created_at + timedelta(minutes=1))
    return {
        "id": f"{number:032x}",
        "operation_type": "backup",
        "status": status,
        "project_id": PROJECT,
        "created_at": printed(created_at),
        "started_at": printed(created_at),
        "ended_at": ended_at,
        "updated_at": ended_at or printed(created_at),
        "extra_info": {"common": {"progress": 100 if ended_at else 50}},
    }


def printed(instant: datetime) -> str:
    """A time in the format of the API."""
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


SCENARIOS: dict[str, Callable[[Loader], Result]] = {
    "`limit=100` clamped to 50": clamped,
    "rows expire while pages are read": expiring,
    "late tasks in the same second as the newest": second_edges,
    "tasks that end after the lookback": late_end,
    "killed at page 55 of 100, run again": killed,
}


def main() -> None:
    """Runs all scenarios with both loaders and prints the table."""
    print_now(f"cbr-warehouse {version('cbr-warehouse')} and dlt {version('dlt')}, on {NOW:%Y-%m-%d}.")
    print_now("")
    print_now("| source | rows | loader | lost | stale | doubled | requests | exit status |")
    print_now("|---|--:|---|--:|--:|--:|--:|---|")
    for name, scenario in SCENARIOS.items():
        for make in (CbrWarehouse, Dlt):
            with tempfile.TemporaryDirectory() as folder:
                found = scenario(make(Path(folder) / "own"))
            statuses = ", ".join("killed" if status < 0 else str(status) for status in found.statuses)
            print_now(
                f"| {name} | {found.rows:,} | {make.name} | {found.lost:,} | {found.stale:,} | "
                f"{found.doubled:,} | {found.requests:,} | {statuses} |"
            )


def print_now(line: str) -> None:
    """Prints a line without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
