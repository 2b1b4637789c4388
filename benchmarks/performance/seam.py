"""What object stores and distributors cost a load that uses neither: the seam for them (docs/adr/0026).

Loads in one process and without HTTP, once as they are and once under the profiler. Printed is the own time
of all functions through which files and shares of work pass, beside the CPU time of the loads. The seam
costs less than that: these functions also do what any code does that reads and writes files, and the
profiler makes calls of Python functions take longer than they do. Run: python benchmarks/performance/seam.py
"""

import cProfile
import pstats
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hourly import Source, simulate

import cbr_warehouse

PACKAGE = Path(cbr_warehouse.__file__).parent
SEAM = tuple(
    str(PACKAGE / path)
    for path in (
        "compute",
        "remote",
        "storage/atomic_write.py",
        "storage/files.py",
        "storage/linked_files.py",
        "storage/lock.py",
        "storage/object_store.py",
        "storage/parquet_files.py",
        "storage/staged_files.py",
        "storage/temporary_file.py",
    )
)
DAYS = 7
HOURLY = 54
LOADS = 24


@dataclass(frozen=True)
class Seam:
    """Own time of the seam's functions in loads, beside what the loads cost without the profiler.

    Attributes:
        loads: CPU-seconds of the loads.
        own: Seconds in the seam's own functions, without what they call.
        calls: How often they were called.
    """

    loads: float
    own: float
    calls: int


def main() -> None:
    """Measures a first load of 100,000 tasks and hourly loads of few."""
    load_all(HOURLY, 1)  # what the first load of a process imports and compiles counts for neither
    print_seam("a first load of 100,800 tasks", measure(100_800 // (DAYS * 24), 1))
    print_seam(f"{LOADS} hourly loads of {HOURLY} new tasks", measure(HOURLY, LOADS))


def measure(hourly: int, loads: int) -> Seam:
    """Loads as many times, twice.

    Args:
        hourly: New tasks an hour.
        loads: Number of loads, the first of which reads seven days.
    """
    cpu = load_all(hourly, loads)
    profiles: list[cProfile.Profile] = []
    with profiled_threads(profiles):
        load_all(hourly, loads)
    functions = [
        (calls, own)
        for (path, _line, _name), (_, calls, own, *_) in pstats.Stats(*profiles).stats.items()  # type: ignore[attr-defined]
        if path.startswith(SEAM)
    ]
    return Seam(cpu, sum(own for _, own in functions), sum(calls for calls, _ in functions))


def load_all(hourly: int, loads: int) -> float:
    """CPU-seconds of loads in a new folder, an hour apart, of a source that has seven days of tasks."""
    source = Source(hourly)
    for _ in range(DAYS * 24 - 1):
        source.advance()
    with tempfile.TemporaryDirectory() as folder:
        costs = simulate(Path(folder) / "data", loads, hourly, source=source, history=f"{DAYS}d")
    return sum(cost.cpu_seconds for cost in costs)


@contextmanager
def profiled_threads(profiles: list[cProfile.Profile]) -> Iterator[None]:
    """Profiles this thread and those that begin meanwhile, each by its own CPU time.

    Args:
        profiles: Takes one profile of each thread.
    """
    unprofiled = threading.Thread.run

    def run_profiled(thread: threading.Thread) -> None:
        with one_profile(profiles):
            unprofiled(thread)

    threading.Thread.run = run_profiled  # type: ignore[method-assign]
    try:
        with one_profile(profiles):
            yield
    finally:
        threading.Thread.run = unprofiled  # type: ignore[method-assign]


@contextmanager
def one_profile(profiles: list[cProfile.Profile]) -> Iterator[None]:
    """Profiles the current thread while the block runs."""
    profile = cProfile.Profile(time.thread_time)
    profiles.append(profile)
    with profile:
        yield


def print_seam(loads: str, seam: Seam) -> None:
    """One line for loads and their seam."""
    share = f"{seam.own / seam.loads:.1%} at most"
    cost = f"the seam {seam.own:.3f} s in {seam.calls:,} calls, {share}"
    sys.stdout.write(f"{loads}: {seam.loads:.2f} CPU-s; {cost}\n")


if __name__ == "__main__":
    main()
