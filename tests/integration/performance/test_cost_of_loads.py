"""What loads cost, in numbers that do not depend on the machine's speed.

Counts of requests, files, syncs and statements, bytes and memory of real commands; and CPU time only as the
ratio of two commands of the same run. A bound is just above what was measured when it was set: a test
that fails says that a change made loads dearer. ``make bench`` measures how long they take.
"""

import json
import logging
import os
import runpy
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.command_line import PACKAGES, Workplace, serve

logger = logging.getLogger(__name__)

TASKS = 20_000
BENCHMARKS = Path(__file__).parents[3] / "benchmarks" / "performance"
TESTS = Path(__file__).parents[2]
run: Callable[..., Any] = runpy.run_path(str(BENCHMARKS / "measured.py"))["run"]
add_old_loads: Callable[[Path, str, int], None] = runpy.run_path(str(BENCHMARKS / "old_loads.py"))[
    "add_old_loads"
]


@dataclass(frozen=True)
class Load:
    """What one load cost.

    Attributes:
        cpu_seconds: Of its process.
        peak_mb: Peak memory, 10^6 bytes.
        requests: Requests that the emulator received.
        written: Files that are new or replaced after it, without leftovers.
        counts: Of ``support.counted_command``.
    """

    cpu_seconds: float
    peak_mb: float
    requests: int
    written: int
    counts: dict[str, int]


@dataclass(frozen=True)
class Measured:
    """A first load, the loads after it, and the floor.

    Attributes:
        data: The data directory.
        tasks: Number of tasks that the emulator has, about ``TASKS``.
        json_mb: Size of the records, 10^6 bytes.
        first: The first load.
        quiet: The load after it, which finds nothing new.
        floor_seconds: CPU time of DuckDB alone on a local file of the same records.
    """

    data: Path
    tasks: int
    json_mb: float
    first: Load
    quiet: Load
    floor_seconds: float


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with ExitStack() as stack:
        url = stack.enter_context(serve("--tasks", str(TASKS), "--days", "29", "--freeze"))
        workplace = Workplace(tmp_path_factory.mktemp("cost"))
        workplace.configure(url)
        records = [json.dumps(one, separators=(",", ":")) for one in truth(url)["operation_logs"]]
        file = workplace.folder / "records.ndjson"
        file.write_text("\n".join(records) + "\n", encoding="utf-8")
        warm_up(tmp_path_factory.mktemp("warm-up"), url)
        first = load(workplace, url)
        quiet = load(workplace, url)
        floor = [measure_floor(file, tmp_path_factory.mktemp("floor")) for _ in range(3)]
        logger.info("%s, %s, floor %s", first, quiet, floor)  # shown by --log-cli-level=INFO
        size = file.stat().st_size / 1e6
        yield Measured(workplace.data, len(records), size, first, quiet, sorted(floor)[1])


def warm_up(folder: Path, url: str) -> None:
    """Lets Python compile what loads import, which the first one would be measured with."""
    place = Workplace(folder)
    place.configure(url, history="1d")
    load(place, url)


def load(workplace: Workplace, url: str) -> Load:
    before, files = truth(url)["requests"], stamps(workplace.data)
    out = workplace.folder / "counts.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CBR_TOKEN", "demo-token")
        patch.setenv("BENCH_PIPELINES", f"{PACKAGES}{os.pathsep}{TESTS}")
        finished = run([sys.executable, "-m", "support.counted_command", str(out), "load"], workplace.folder)
    after = stamps(workplace.data)
    return Load(
        finished.cpu_seconds,
        finished.peak_mb,
        truth(url)["requests"] - before,
        len(after.items() - files.items()),
        json.loads(out.read_text(encoding="utf-8")),
    )


def measure_floor(file: Path, folder: Path) -> float:
    script = BENCHMARKS / "floor_load.py"
    return float(run([sys.executable, str(script), str(file), str(folder)], folder).cpu_seconds)


def truth(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/__emulator/truth", timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def stamps(data: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each file below a folder."""
    found = {}
    for path in data.rglob("*"):
        if path.is_file():
            status = path.stat()
            found[str(path.relative_to(data))] = (status.st_ino, status.st_mtime_ns)
    return found


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def test_everything_was_loaded(measured: Measured) -> None:
    with duckdb.connect(str(measured.data / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM tasks").fetchall() == [(measured.tasks,)]
        new = connection.execute("SELECT new FROM loads ORDER BY load_id").fetchall()
        assert new == [(measured.tasks,), (0,)]


def test_a_first_load_costs_a_small_multiple_of_the_floor(measured: Measured) -> None:
    assert measured.first.cpu_seconds < BOUNDS["first load by floor"] * measured.floor_seconds


def test_a_load_without_news_costs_a_part_of_the_first(measured: Measured) -> None:
    assert measured.quiet.cpu_seconds < BOUNDS["quiet by first load"] * measured.first.cpu_seconds


@pytest.mark.parametrize("which", ["first", "quiet"])
@pytest.mark.parametrize("what", ["requests", "written", "peak_mb", "syncs", "renames", "statements"])
def test_counts_stay_below_their_bounds(measured: Measured, which: str, what: str) -> None:
    done: Load = getattr(measured, which)
    number = getattr(done, what) if hasattr(done, what) else done.counts[what]
    assert 0 < number <= BOUNDS[f"{which}, {what}"]


def test_raw_and_tables_are_a_part_of_the_json(measured: Measured) -> None:
    stored = sum(megabytes(measured.data / name) for name in ("raw", "tables"))
    assert stored < BOUNDS["stored by json"] * measured.json_mb


def test_old_ledgers_cost_a_load_nothing(tmp_path: Path) -> None:
    places = {"few": Workplace(tmp_path / "few"), "many": Workplace(tmp_path / "many")}
    costs: dict[str, list[float]] = {name: [] for name in places}
    with serve("--tasks", "500", "--days", "10", "--freeze") as url:
        places["few"].folder.mkdir()
        places["few"].configure(url)
        load(places["few"], url)
        shutil.copytree(places["few"].folder, places["many"].folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _handle: None)  # of 4,000 files
            add_old_loads(places["many"].data, "prod", 2000)
        load(places["many"], url)  # takes up what is old, once
        for _ in range(2):
            for name, place in places.items():
                costs[name].append(load(place, url).cpu_seconds)
    assert min(costs["many"]) < BOUNDS["2,000 old ledgers by few"] * min(costs["few"])


BOUNDS = {
    "first load by floor": 4.5,
    "quiet by first load": 0.45,
    "first, requests": 120,
    "quiet, requests": 32,
    "first, written": 300,
    "quiet, written": 44,
    "first, syncs": 650,
    "quiet, syncs": 90,
    "first, renames": 300,
    "quiet, renames": 44,
    "first, statements": 950,
    "quiet, statements": 195,
    "first, peak_mb": 335,
    "quiet, peak_mb": 250,
    "stored by json": 0.62,
    "2,000 old ledgers by few": 1.6,
}
"""Upper bounds by what is measured.

A load without news notes the receipt of tasks that never started in a file with two syncs for each of
their days; how many of the 29 days have some depends on the minute at which the emulator starts.
"""
