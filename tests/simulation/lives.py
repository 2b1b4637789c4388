"""Many lives, by several processes, each in a folder in memory where there is one."""

import json
import logging
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from simulation.life import Course, live
from simulation.seed import Seed

MEMORY = Path("/dev/shm")
"""A file system in memory, on Linux."""

REPORT_EVERY_SECONDS = 60.0


@dataclass
class Totals:
    """What many lives did.

    Attributes:
        lives: How many there were.
        counts: What happened how often.
        cpu_seconds: CPU time of all processes, the emulator and the checks included.
        elapsed_seconds: How long it took.
        failures: The lives that failed.
    """

    lives: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    elapsed_seconds: float = 0.0
    failures: list[Course] = field(default_factory=list)

    def add(self, course: Course, cpu_seconds: float) -> None:
        """Adds one life."""
        self.lives += 1
        self.counts += course.counts
        self.cpu_seconds += cpu_seconds
        if course.failure is not None:
            self.failures.append(course)

    @property
    def cpu_seconds_a_load(self) -> float:
        """CPU time by load."""
        return self.cpu_seconds / max(1, self.counts["loads"])

    def describe(self) -> str:
        """The totals in a few lines."""
        counts = self.counts
        load = self.cpu_seconds_a_load
        an_hour = 2 * 3600 / max(load, 1e-9)
        return (
            f"{self.lives:,} lives, {counts['loads']:,} loads ({counts['done']:,} done, "
            f"{counts['failed']:,} failed, {counts['killed']:,} killed, "
            f"{counts['power lost']:,} ended by a loss of power), "
            f"{counts['maintain']:,} times maintenance, {counts['rebuild']:,} rebuilds,\n"
            f"{counts['requests']:,} requests, {counts['steps']:,} steps of the disk, "
            f"{counts['disk full']:,} times full, {counts['files damaged']:,} files damaged at rest; "
            f"{counts['compared']:,} records compared.\n"
            f"{load:.2f} CPU-seconds a load with emulator and checks: "
            f"{an_hour:,.0f} loads an hour on two cores. {len(self.failures)} lives went wrong."
        )


def live_in_memory(
    seed: Seed, log_path: Path | None = None, plant: str | None = None
) -> tuple[Course, float]:
    """Lives one life in a folder that is removed afterwards; returns its course and CPU seconds."""
    began = _cpu_seconds()
    with tempfile.TemporaryDirectory(prefix="cbr-life-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        course = live(seed, Path(folder), log_path, plant)
    return course, _cpu_seconds() - began


def live_many(first: int, ticks: int, loads: int, workers: int, out: Path | None = None) -> Totals:
    """Lives one life after another until there were so many loads.

    Args:
        first: Number of the first seed.
        ticks: Ticks of each life.
        loads: Loads to reach; the lives that run then are ended as any other.
        workers: Processes.
        out: File for the totals as JSON, written after each life: a night that is interrupted has them.
    """
    totals, began, reported = Totals(), time.monotonic(), time.monotonic()
    numbers = iter(range(first, 10**12))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_be_quiet) as pool:
        running = {pool.submit(live_in_memory, Seed(next(numbers), ticks)) for _ in range(workers)}
        while running:
            done = next(as_completed(running))
            running.remove(done)
            course, cpu_seconds = done.result()
            totals.add(course, cpu_seconds)
            totals.elapsed_seconds = time.monotonic() - began
            if out is not None:
                out.write_text(json.dumps(vars(totals), default=_as_json), encoding="utf-8")
            if course.failure is not None:
                print(describe_failure(course), flush=True)
            if totals.counts["loads"] < loads:
                running.add(pool.submit(live_in_memory, Seed(next(numbers), ticks)))
            if time.monotonic() - reported > REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                print(f"{totals.counts['loads']:,} of {loads:,} loads", file=sys.stderr, flush=True)
    return totals


def describe_failure(course: Course) -> str:
    """What went wrong in a life, what happened last, and how to see it again."""
    last = "\n".join(f"  {line[:200]}" for line in course.last[-12:])
    return f"{last}\n{course.failure}\nTo see it again: make simulate SEED={course.seed}"


def _as_json(value: Course | Seed) -> object:
    return str(value) if isinstance(value, Seed) else vars(value)


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
