"""Measures a rebuild on a Spark cluster with one worker and with two, of one core each, and by DuckDB alone.

Run ``make test-spark`` once for pyspark, then ``.venv/bin/python benchmarks/spark_workers.py`` from the root,
on a machine that does nothing else. The cluster runs on loopback, the sources are landed without requests.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.compute.spark import SparkRunner
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.model import Settings
from support.many_sources import cells, context_of, land_sources
from support.spark_cluster import spark_cluster


def main() -> None:
    """Rebuilds the same sources in each way, in turns, and prints wall times and this process's CPU time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=20, help="how many (20)")
    parser.add_argument("--tasks", type=int, default=20_000, help="tasks of each, about (20000)")
    parser.add_argument("--days", type=int, default=60, help="days of each (60)")
    parser.add_argument("--repeats", type=int, default=3, help="how often (3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        settings = land_sources(root, sources=arguments.sources, tasks=arguments.tasks, days=arguments.days)
        spent: dict[str, list[float]] = {}
        truth: dict[str, str] = {}
        for repeat in range(arguments.repeats):
            for workers in (0, 1, 2):
                name = f"{workers} workers" if workers else "DuckDB alone"
                with runner_of(Path(folder) / f"spark-{repeat}-{workers}", root, workers) as runner:
                    wall, own = measure(root, settings, runner)
                print(f"{name}: {wall:.1f} s, {own:.1f} CPU-s in the process that commits", flush=True)
                spent.setdefault(name, []).append(wall)
                found = cells(root / "warehouse.duckdb")
                truth = truth or found
                if found != truth:
                    sys.exit(f"{name}: the warehouse has other rows")
    one, two = (median(spent[f"{workers} workers"]) for workers in (1, 2))
    print(f"two workers take {two / one:.2f} of the wall time of one (medians of {arguments.repeats})")


def measure(root: Path, settings: Settings, runner: ShareRunner) -> tuple[float, float]:
    """Rebuilds once; returns seconds of wall time, and of CPU time of this process."""
    began, spent = time.monotonic(), time.process_time()
    rebuild(context_of(root, settings, runner))
    return time.monotonic() - began, time.process_time() - spent


@contextmanager
def runner_of(folder: Path, root: Path, workers: int) -> Iterator[ShareRunner]:
    """A started runner on a cluster of its own; this process where there are no workers."""
    if not workers:
        yield IN_PROCESS
        return
    with spark_cluster(folder, workers=workers) as cluster:
        os.environ.update(cluster.environment)
        runner = SparkRunner(cluster.master, root, large_bytes=0)
        runner.start()
        yield runner


if __name__ == "__main__":
    main()
