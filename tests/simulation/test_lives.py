"""Simulated lives: a data directory is what its source's truth requires, whatever has happened to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.seed import MOST_CHARACTERS, Seed
from support.fault_kinds import KINDS

pytestmark = [pytest.mark.fault("simulated lives"), pytest.mark.timeout(600)]

TESTS = Path(__file__).parents[1]


def simulate(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command as ``make simulate`` does; the log of a single life goes into a folder."""
    words = [sys.executable, "-m", "simulation", *options]
    if "--seed" in options:
        words += ["--log", str(folder / "life.log")]
    return subprocess.run(words, cwd=TESTS, env=os.environ, capture_output=True, text=True, check=False)


def test_every_life_ends_as_the_truth_requires(tmp_path: Path) -> None:
    """A life of a day, with two sources; `make simulate LOADS=100000` is the same for a night."""
    ran = simulate("--loads", "40", "--ticks", "24", "--workers", "1", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 lives went wrong" in ran.stdout


def test_a_seed_is_one_life_to_the_byte(tmp_path: Path) -> None:
    """Two processes of one seed: the same events, and the same bytes in the data directory."""
    first, second = (simulate("--seed", "7x4", folder=tmp_path) for _ in range(2))
    assert first.returncode == 0, first.stdout + first.stderr
    assert lines_of(first, "events", "directory") == lines_of(second, "events", "directory")
    other = simulate("--seed", "8x4", folder=tmp_path)
    assert not lines_of(first, "events", "directory") & lines_of(other, "events", "directory")


def lines_of(ran: subprocess.CompletedProcess[str], *words: str) -> set[str]:
    found = {line for line in ran.stdout.splitlines() if line.startswith(words)}
    assert len(found) == len(words), ran.stdout + ran.stderr
    return found


@pytest.mark.parametrize(
    ("fault", "seed", "words"),
    [
        ("drops-a-record", "398x1", "received by a load"),
        ("never-syncs", "20x3", "is damaged"),
    ],
)
def test_a_planted_fault_is_found_and_its_seed_shows_it_again(
    fault: str, seed: str, words: str, tmp_path: Path
) -> None:
    first, second = (simulate("--seed", seed, "--plant", fault, folder=tmp_path) for _ in range(2))
    assert first.returncode == second.returncode == 1, first.stdout + first.stderr
    assert first.stdout.partition("To see it again")[0] == second.stdout.partition("To see it again")[0]
    assert f"make simulate SEED={seed}" in first.stdout
    assert words in first.stdout


def test_a_seed_is_short_and_read_as_it_is_printed() -> None:
    seed = Seed(10**12 - 1, 8760)
    assert len(str(seed)) <= MOST_CHARACTERS
    assert Seed.parse(str(seed)) == seed
    assert "simulated lives" in KINDS
    with pytest.raises(ValueError, match="no seed"):
        Seed.parse("12")
