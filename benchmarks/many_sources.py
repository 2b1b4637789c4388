"""Measures one account with many projects: loads, memory, threads, and Dagster's code location.

Run ``python benchmarks/many_sources.py`` from the root. Prints a section of docs/performance.md.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = Path(__file__).parents[1] / "pipelines"
COMMAND = [sys.executable, "-m", "cbr_warehouse.cli.main"]
TASKS = 50
DAYS = 3
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(PACKAGES),
    "CBR_AK": "DEMO-AK",
    "CBR_SK": "DEMO-SK",
    "NO_PROXY": "127.0.0.1",
}
LOCATION = """
import os, time
from dagster import AssetKey
from cbr_warehouse.defs.build import build_location
from cbr_warehouse.defs.installation import read_installation
build_location(read_installation(os.environ))
began = time.process_time()
defs = build_location(read_installation(os.environ))
defs.get_repository_def()
defs.resolve_asset_graph()
print(time.process_time() - began)
"""


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        cpu_seconds: Its CPU time.
        megabytes: The most memory it had.
        threads: The most threads it had.
    """

    cpu_seconds: float
    megabytes: float
    threads: int


@contextmanager
def emulator(projects: int) -> Iterator[str]:
    """An emulator with some projects, as a process of its own."""
    words = ["emulator", "--port", "0", "--tasks", str(TASKS), "--days", str(DAYS)]
    words += ["--projects", str(projects)]
    process = subprocess.Popen(
        [*COMMAND, *words], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.communicate(timeout=30)


def measure(folder: Path, *words: str) -> Cost:
    """Runs a command to its end."""
    process = subprocess.Popen([*COMMAND, *words], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    seen, is_over = [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            try:
                seen.append(len(os.listdir(f"/proc/{process.pid}/task")))  # noqa: PTH208
            except OSError:
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    is_over.set()
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed with {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, max(seen))


def configure(folder: Path, url: str) -> None:
    """Writes a configuration of one account."""
    lines = ["[[accounts]]", 'name = "acme"', f'iam_endpoint = "{url}"', f'history = "{DAYS}d"']
    lines += ['access_key = "env:CBR_AK"', 'secret_key = "env:CBR_SK"']
    (folder / "cbr-warehouse.toml").write_text("\n".join(lines), encoding="utf-8")


def code_location(folder: Path) -> float:
    """CPU seconds to build the code location and its asset graph, imports left out."""
    done = subprocess.run(
        [sys.executable, "-c", LOCATION],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def measure_account(projects: int) -> list[str]:
    """The row of the table for an account with some projects."""
    with tempfile.TemporaryDirectory() as name, emulator(projects) as url:
        folder = Path(name)
        configure(folder, url)
        first = measure(folder, "load")
        measure(folder, "load")
        quiet = measure(folder, "load")
        status = measure(folder, "status")
        built = code_location(folder)
    return [
        f"{projects}",
        f"{first.cpu_seconds:.1f}",
        f"{quiet.cpu_seconds:.1f}",
        f"{quiet.cpu_seconds / projects:.2f}",
        f"{max(first.megabytes, quiet.megabytes):.0f}",
        f"{max(first.threads, quiet.threads)}",
        f"{status.cpu_seconds:.1f}",
        f"{built:.1f}",
    ]


def main() -> None:
    """Prints the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, nargs="+", default=[1, 25, 200])
    head = (
        "projects",
        "first load, CPU-s",
        "load without news, CPU-s",
        "the same a source",
        "peak MB",
        "threads",
        "status, CPU-s",
        "code location, CPU-s",
    )
    print("## One account with many projects\n")
    print(
        f"By `python benchmarks/many_sources.py`: each project has about {TASKS} tasks in {DAYS} days,\n"
        "`sources_at_once` is 16, and each load looks for projects. CPU time, memory and threads are of\n"
        "the whole command; the code location is built with its asset graph, without imports.\n"
    )
    print(f"| {' | '.join(head)} |")
    print(f"|{'--:|' * len(head)}")
    for projects in parser.parse_args().projects:
        print(f"| {' | '.join(measure_account(projects))} |", flush=True)
    print(f"\nLoad average at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs.")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
