"""Measures pages of `cbr-warehouse open` and answers of `cbr-warehouse mcp` on many tasks, each asked first.

Run: python benchmarks/page_at_scale.py [--resources 15000] [--days 90] [--keep FILE]. The tasks are those of
benchmarks/analytics_at_scale.py; with the default sizes there are 3.7 million. With --keep, the generated
warehouse is that file, and is used again where it is there.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from analytics_at_scale import bring_up_whole, generate
from mcp.server.mcpserver.exceptions import ToolError

from cbr_warehouse.cli.json_values import plain
from cbr_warehouse.mcp_server.figures import FIGURES
from cbr_warehouse.mcp_server.server import Tools
from cbr_warehouse.page.app import PAGES
from cbr_warehouse.page.parameters import read_filters
from cbr_warehouse.page.render import render
from cbr_warehouse.page.situation import read_situation
from cbr_warehouse.page.snapshots import Snapshots
from cbr_warehouse.tables.engine import open_engine
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.working_file import attached

REQUESTS = (
    ("/", ""),
    ("/", "page=2"),
    ("/", "page=300"),
    ("/", "nights=56"),
    ("/", "by=vaults"),
    ("/", "vault=vault-7"),
    ("/", "resource=00123"),
    ("/night", "source=prod&id={resource}&day={day}"),
    ("/night", "source=prod&day={day}"),
    ("/night", "source=prod&day={day}&verdict=failed"),
    ("/resource", "source=prod&id={resource}"),
    ("/task", "source=prod&id={task}"),
    ("/failures", ""),
    ("/streaks", ""),
    ("/streaks", "nights=56&page=5"),
    ("/causes", ""),
    ("/incidents", ""),
    ("/missed", ""),
    ("/missed", "source=prod&id={resource}"),
    ("/unprotected", ""),
    ("/tasks", ""),
    ("/tasks", "code=BackupService.9910&nights=56"),
    ("/tasks", "page=1000&nights=56"),
    ("/coverage", ""),
    ("/definitions", ""),
)
"""Addresses and query strings; the keys are filled in."""

COVERAGE = """
INSERT INTO coverage BY NAME
SELECT
    source, day, count(*) AS counted, count(*) AS held, 0 AS quarantined, 0 AS expired, 'complete' AS state,
    max(created_at) AS checked_at
FROM tasks
GROUP BY ALL
"""
"""All days are proved: of others there is no figure."""


def main() -> None:
    """Generates the tasks, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=15_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--keep", type=Path, help="The generated warehouse, made if it is not there.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        published = arguments.keep or Path(folder) / "warehouse.duckdb"
        if not published.exists():
            make(published, arguments.resources, arguments.days)
        measure(published)
        measure_answers(published)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def make(published: Path, resources: int, days: int) -> None:
    """Generates a warehouse; one that was interrupted is not taken for it."""
    unfinished = published.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with open_engine(published.parent, 1) as connection, attached(connection, unfinished):
        connection.execute("SET memory_limit = '8GB'")
        generate(connection, resources, days)
        connection.execute(COVERAGE)
        bring_up_whole(connection, [])
    unfinished.replace(published)


def answers(published: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Calls of the tools of the MCP server, by name."""
    tools = Tools(published, plain)
    for name in FIGURES:
        yield f"get_figure {name}", lambda name=name: tools.get_figure(name)
    for name in ("unresolved_failures", "resource_protection", "missed_backups", "failing_streaks"):
        yield f"query_view {name}", lambda name=name: tools.query_view(name)
        yield f"describe_view {name}", lambda name=name: tools.describe_view(name)
    by_type = "SELECT operation_type, outcome, count(*) FROM analytics.attempt GROUP BY ALL"
    yield "run_sql, all tasks counted", lambda: tools.run_sql(by_type)


def measure_answers(published: Path) -> None:
    """Prints what each answer of the MCP server took; nothing is kept between them."""
    print("seconds      CPU  answer")
    for name, call in answers(published):
        began, spent = time.perf_counter(), cpu_seconds()
        try:
            answer = f"{len(json.dumps(call())) // 1024} KB"
        except ToolError as error:  # of an inventory, which the generated tasks lack
            answer = f"refused: {error}"
        took, cpu = time.perf_counter() - began, cpu_seconds() - spent
        print(f"{took:7.2f}  {cpu:7.2f}  {name}  {answer}", flush=True)


def measure(published: Path) -> None:
    """Prints what each page took; nothing is kept between them, as after a load."""
    (row,) = query(
        published,
        "SELECT resource_id, task_id, backup_day FROM analytics.attempt WHERE outcome = 'fail' "
        "AND operation_type = 'backup' ORDER BY created_at DESC LIMIT 1 OFFSET 100",
    ).rows
    keys = {"resource": quote(row[0]), "task": quote(row[1]), "day": row[2]}
    print("seconds      CPU  page")
    for path, asked in REQUESTS:
        snapshots = Snapshots(published)
        with snapshots.current():
            pass  # opened, with no result kept yet
        values = dict(pair.split("=") for pair in asked.format(**keys).split("&") if pair)
        read_filters(values)
        began, spent = time.perf_counter(), cpu_seconds()
        with snapshots.current() as snapshot:
            situation = read_situation(snapshot)
            html = render(PAGES[path](situation, values), situation, values)
        took, cpu = time.perf_counter() - began, cpu_seconds() - spent
        print(f"{took:7.2f}  {cpu:7.2f}  {path}?{asked}  {len(html) // 1024} KB", flush=True)
        snapshots.close()


def cpu_seconds() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
