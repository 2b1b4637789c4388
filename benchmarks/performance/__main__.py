"""``make bench``: measures loads and writes the results for ``tools/performance.py``.

Each benchmark is named by an option or runs by default; results of others in the file stay.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb
from first_loads import compare_first_loads
from increments import measure_dense_day, measure_increments, measure_quiet_requests
from loaders import LOADERS
from measured import HERE, PYTHON, run
from records import write_records

WARM_UP = 1000
"""Records of a first run of each loader that does not count: it compiles what Python imports."""

HEAVY = 1_000_000
"""From this many records on, only these loaders run: the others need over 30 GB, or an hour."""

LIGHT = ("cbr-warehouse", "dlt, tuned", "DuckDB from a file")


def main() -> None:
    """Measures what the options name."""
    arguments = _options()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        place = Path(name)
        benchmarks: dict[str, Callable[[], dict[str, Any]]] = {
            "first": lambda: _first_loads(place, arguments),
            "increments": lambda: measure_increments(place, arguments.held, say),
            "dense": lambda: measure_dense_day(place, arguments.dense, say),
            "quiet": lambda: measure_quiet_requests(place, arguments.loads, say),
            "hourly": lambda: _hourly(place, arguments.hours, arguments.hourly),
        }
        for benchmark in arguments.only or benchmarks:
            say(f"{benchmark} ...")
            key = f"{benchmark} {arguments.size}" if benchmark == "first" else benchmark
            _note(arguments.out, key, benchmarks[benchmark]())


def _options() -> argparse.Namespace:
    names = ("first", "increments", "dense", "quiet", "hourly")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="BENCHMARK", help=f"some of: {', '.join(names)} (all)")
    parser.add_argument("--size", type=int, default=100_000, help="records of a first load (100,000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each loader (3)")
    parser.add_argument("--loaders", default="", help="only those whose name contains one of these words")
    parser.add_argument(
        "--held", type=int, nargs="+", default=[100_000, 1_000_000], help="tasks held before an increment"
    )
    parser.add_argument("--dense", type=int, default=200_000, help="tasks of the dense day (200,000)")
    parser.add_argument("--loads", type=int, default=24, help="hourly loads of the quiet source (24)")
    parser.add_argument(
        "--hours", type=int, default=720, help="simulated hourly loads (720; a year has 8,760)"
    )
    parser.add_argument("--hourly", type=int, default=54, help="new tasks in each simulated hour (54)")
    parser.add_argument("--folder", type=Path, help="where to write temporary data")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="file of results")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(names):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(names)}")
    return arguments


def _first_loads(place: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    words = arguments.loaders.split(",")
    loaders = [one for one in LOADERS if any(word in one.name for word in words)]
    if arguments.size >= HEAVY:
        loaders = [one for one in loaders if one.name in LIGHT]
    now = datetime.now(UTC)
    small, file = place / "small.ndjson", place / "records.ndjson"
    write_records(small, WARM_UP, now)
    compare_first_loads(small, WARM_UP, loaders, 1, lambda _: None)
    write_records(file, arguments.size, now)
    found = compare_first_loads(file, arguments.size, loaders, arguments.repeats, say)
    file.unlink()
    return found


def _hourly(place: Path, hours: int, hourly: int) -> dict[str, Any]:
    out = place / "hourly.json"
    measured = run([PYTHON, str(HERE / "hourly.py"), str(hours), str(hourly), str(out)], place)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    say(f"hourly loads: {found}")
    return found | {"peak_mb": measured.peak_mb}


def _note(out: Path, key: str, found: dict[str, Any]) -> None:
    """Adds results to the file, with the machine that they are from."""
    known = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    known[key] = found | {"machine": _machine()}
    out.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _dlt_version() -> dict[str, str]:
    """The version of dlt, which only first loads need, if it is installed."""
    try:
        return {"dlt": version("dlt")}
    except PackageNotFoundError:
        return {}


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        **_dlt_version(),
        "load": round(os.getloadavg()[0], 1),
        "revision": _revision(),
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def _revision() -> str:
    words = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def say(line: str) -> None:
    """Prints a line without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
