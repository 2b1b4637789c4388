"""Measures duration and memory of a first load: ``make bench``.

An emulator in one process serves an estate, and the command loads it in another process into a temporary
folder. The figures are those of the loading process only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-m", "cbr_warehouse.cli.main"]
CHECKOUT = Path(__file__).resolve().parents[1]

CONFIGURATION = """[[sources]]
name = "bench"
endpoint = "{url}"
project_id = "04f1829c788037ac2fb8c01eb2b04b95"
region = "eu-de"
token = "env:BENCH_TOKEN"
"""


def main() -> None:
    """Measures a first load, and an incremental one after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="tasks of the estate (100,000)")
    parser.add_argument("--days", type=int, default=30, help="days it has run (30)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(arguments.tasks, arguments.days) as url:
        place = Path(folder)
        (place / "cbr-warehouse.toml").write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        version = sys.version.split()[0]
        print_now(
            f"{arguments.tasks:,} tasks in {arguments.days} days, Python {version}, {os.cpu_count()} CPUs"
        )
        for name in ("first load", "load again"):
            seconds, megabytes = measure(place)
            print_now(
                f"{name}: {seconds:.1f} s, peak {megabytes:.0f} MB, {arguments.tasks / seconds:,.0f} tasks/s"
            )
        size = (place / "data" / "warehouse.duckdb").stat().st_size
        print_now(f"warehouse: {size / 2**20:.0f} MB")


@contextmanager
def served(tasks: int, days: int) -> Iterator[str]:
    """Serves an estate and yields its base URL."""
    process = subprocess.Popen(
        [*COMMAND, "emulator", "--port", "0", "--tasks", str(tasks), "--days", str(days), "--freeze"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.communicate()


def measure(place: Path) -> tuple[float, float]:
    """Loads once; returns seconds and the peak resident memory of the process in MB."""
    environ = os.environ | {"BENCH_TOKEN": "demo-token", "PYTHONPATH": str(CHECKOUT / "pipelines")}
    began = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "load"], cwd=place, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the load failed:\n{errors.decode()}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, in KB elsewhere
    return seconds, usage.ru_maxrss / unit


def print_now(line: str) -> None:
    """Prints a line without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
