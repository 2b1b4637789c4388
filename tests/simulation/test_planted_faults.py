"""Faults planted in the code under test: a simulated life finds each within a few loads of a fixed seed.

Where a change of the code or of the simulation makes a life miss its fault, search for another one, in the
folder of the tests: python -m simulation --find no-locks --ticks 9.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulation.planted_faults import FAULTS

pytestmark = [pytest.mark.fault("simulated lives"), pytest.mark.timeout(900)]

TESTS = Path(__file__).parents[1]
MOST_LOADS = 10
"""Within so many loads a fault must be found."""

LIVES = {
    "drops-a-record": ("398x1", "received by a load"),
    "drops-a-page": ("2011x2", "though a load since"),
    "every-day-complete": ("398x1", "not held, though its day is complete"),
    "every-past-day-complete": ("398x1", "not held, though its day is complete"),
    "loses-a-version": ("2011x2", "though a load received it before"),
    "last-seen-stays": ("2011x2", "last seen at"),
    "no-checksums": ("2049x2", "the load failed with ArrowInvalid"),
    "no-locks": ("256x1", "would not account for every record received"),
    "never-syncs": ("20x3", "is damaged"),
}
"""By fault: the seed of a life, and what it finds."""

SCRIPT = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from simulation.lives import live_in_memory
from simulation.seed import Seed
for fault, seed in json.loads(sys.argv[1]):
    course, _ = live_in_memory(Seed.parse(seed), plant=fault)
    print(json.dumps([fault, seed, course.failure, course.counts["loads"]]), flush=True)
"""


@dataclass(frozen=True)
class Lived:
    """How a life with a fault planted went."""

    failure: str | None
    loads: int


@pytest.fixture(scope="module")
def lived() -> dict[tuple[str | None, str], Lived]:
    """All lives of these tests, in a process in which sets have the order that a seed is found with."""
    wanted: list[tuple[str | None, str]] = [(fault, seed) for fault, (seed, _) in LIVES.items()]
    wanted += [(None, seed) for seed in sorted({seed for seed, _ in LIVES.values()})]
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(wanted)],
        cwd=TESTS,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    rows = map(json.loads, ran.stdout.splitlines())
    return {(fault, seed): Lived(failure, loads) for fault, seed, failure, loads in rows}


def test_there_is_a_life_for_every_fault() -> None:
    assert LIVES.keys() == FAULTS.keys()


@pytest.mark.parametrize("fault", LIVES)
def test_a_planted_fault_is_found(fault: str, lived: dict[tuple[str | None, str], Lived]) -> None:
    seed, words = LIVES[fault]
    found = lived[fault, seed]
    assert found.failure is not None, f"{fault}: not found by the life {seed}"
    assert words in found.failure, found.failure
    assert found.loads <= MOST_LOADS


@pytest.mark.parametrize("seed", sorted({seed for seed, _ in LIVES.values()}))
def test_without_the_fault_the_same_life_ends_well(
    seed: str, lived: dict[tuple[str | None, str], Lived]
) -> None:
    """Else it would find whatever is planted."""
    assert lived[None, seed].failure is None
