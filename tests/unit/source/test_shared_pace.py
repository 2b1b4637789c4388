"""The pace of a project is one for all processes of a machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.rate_limit import RateLimiters
from cbr_warehouse.source.shared_pace import SharedPace
from support.command_line import PACKAGES

RESERVE = """
import sys
from pathlib import Path
from cbr_warehouse.source.shared_pace import SharedPace
pace = SharedPace(Path(sys.argv[1]), ("https://cbr.example.com", "a"))
print(*(pace.reserve(100.0, 0.5) for _ in range(40)))
"""


def test_two_processes_never_get_the_same_time(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RESERVE, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    running = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    times = sorted(float(word) for process in running for word in process.communicate(timeout=60)[0].split())
    assert times == [100.0 + 0.5 * number for number in range(80)]


def test_a_time_that_has_passed_holds_nobody_up(tmp_path: Path) -> None:
    pace = SharedPace(tmp_path, ("p",))
    assert [pace.reserve(100.0, 0.5), pace.reserve(100.0, 0.5)] == [100.0, 100.5]
    assert pace.reserve(200.0, 0.5) == 200.0


@pytest.mark.fault("clock faults")
def test_a_time_of_another_boot_holds_nobody_up(tmp_path: Path) -> None:
    """Monotonic time begins again with each boot: a machine up for a year would have waited for a year."""
    assert SharedPace(tmp_path, ("p",)).reserve(30_000_000.0, 0.5) == 30_000_000.0
    assert SharedPace(tmp_path, ("p",)).reserve(60.0, 0.5) == 60.0


@pytest.mark.fault("damaged files")
@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff" * 8, b"\xff" * 90])
def test_a_damaged_file_holds_nobody_up(tmp_path: Path, content: bytes) -> None:
    pace = SharedPace(tmp_path, ("p",))
    pace.reserve(1.0, 0.5)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert [pace.reserve(7.0, 0.5), pace.reserve(7.0, 0.5)] == [7.0, 7.5]


@pytest.mark.fault("disk errors")
def test_without_the_file_each_process_keeps_the_pace_for_itself(
    tmp_path: Path, world, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    limiter = RateLimiters(tmp_path / "file" / "rates").of(
        source("a", max_requests_per_second=2), world.runtime
    )
    began = world.monotonic()
    for _ in range(3):
        with limiter.slot():
            pass
    assert world.monotonic() - began == 1.0
    assert caplog.text.count("holds in each process for itself") == 1


def test_limiters_of_two_processes_share_one_pace(tmp_path: Path, world) -> None:
    """Each run of Dagster is a process: two sources of one project asked for twice the rate."""
    limiters = [
        RateLimiters(tmp_path).of(source(name, max_requests_per_second=4), world.runtime) for name in "ab"
    ]
    for _ in range(4):
        for limiter in limiters:
            with limiter.slot():
                pass
    assert world.now == world.START.replace(second=1, microsecond=750_000)


def test_without_a_rate_there_is_no_file(tmp_path: Path, world) -> None:
    with RateLimiters(tmp_path).of(source("a"), world.runtime).slot():
        pass
    assert list(tmp_path.iterdir()) == []


def source(name: str, **keys: float) -> SourceSettings:
    values = {"endpoint": "https://cbr.example.com", "project_id": "a" * 32, "token": "env:UNUSED"}
    return SourceSettings.model_validate({"name": name} | values | keys)
