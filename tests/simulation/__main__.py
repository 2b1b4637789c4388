"""The command: ``python -m simulation``, in the folder of the tests; ``make simulate``."""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

from simulation.lives import describe_failure, live_in_memory, live_many
from simulation.planted_faults import FAULTS
from simulation.seed import Seed

TICKS = 336
"""Of a life: two weeks of hourly ticks."""


def main() -> int:
    """Lives one life again, or many new ones."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", help="live this one life again, with a line of all that happens")
    parser.add_argument(
        "--log",
        type=Path,
        help="where those lines go; by default life-SEED.log in the folder for temporary files",
    )
    parser.add_argument("--loads", type=int, default=5000, help="live until there were so many loads")
    parser.add_argument("--ticks", type=int, default=TICKS, help="hourly ticks of a life")
    parser.add_argument("--first", type=int, default=1, help="number of the first seed")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="write the totals as JSON, after each life")
    parser.add_argument("--plant", choices=FAULTS, help="with --seed: plant a fault in the code under test")
    parser.add_argument(
        "--find",
        choices=FAULTS,
        help="the first seeds, of --ticks each, whose life finds a planted fault and ends well without it",
    )
    options = parser.parse_args()
    if options.find:
        return _find(options.find, options.first, options.ticks)
    if options.seed:
        return _live_again(Seed.parse(options.seed), options.log, options.plant)
    totals = live_many(options.first, options.ticks, options.loads, options.workers, options.out)
    print(totals.describe())
    return 1 if totals.failures else 0


def _live_again(seed: Seed, log: Path | None, plant: str | None) -> int:
    logging.disable(logging.CRITICAL)
    log = log or Path(tempfile.gettempdir(), f"life-{seed}.log")
    course, cpu_seconds = live_in_memory(seed, log.absolute(), plant)
    if course.failure is not None:
        print(describe_failure(course))
    print(f"{dict(course.counts)}, {cpu_seconds:.1f} CPU-seconds")
    print(f"events {course.events}\ndirectory {course.directory}\nAll that happened is in {log}.")
    return 0 if course.failure is None else 1


def _find(plant: str, first: int, ticks: int) -> int:
    """Searches for a life for ``test_planted_faults``."""
    logging.disable(logging.CRITICAL)
    number = first
    while not _is_found(plant, Seed(number, ticks)):
        number += 1
    return 0


def _is_found(plant: str, seed: Seed) -> bool:
    """Whether a life goes wrong with a fault planted, and only with it; prints a line of how it went."""
    course, _ = live_in_memory(seed, plant=plant)
    with_it = course.failure or "ends well"
    without = live_in_memory(seed)[0].failure if course.failure else None
    is_found = course.failure is not None and without is None
    said = f"; found by {seed}" if is_found else f"; without it: {without}" if without else ""
    print(f"{seed} with {plant}: {course.counts['loads']} loads, {with_it}{said}", flush=True)
    return is_found


if __name__ == "__main__":
    # The order of sets of texts must be the same in every process.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable,
            [sys.executable, "-m", "simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
