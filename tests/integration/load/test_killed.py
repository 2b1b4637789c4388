"""Killed while it asks, a load leaves what had landed; the next one goes on from there."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command_line import COMMAND, Workplace

pytestmark = pytest.mark.fault("killed processes")


@contextmanager
def running_load(workplace: Workplace) -> Iterator[int]:
    """Starts a load, gives its process id and kills it in the end; what it wrote stays."""
    process = subprocess.Popen(
        [*COMMAND, "load"],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "CBR_TOKEN": "demo-token"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(is_so: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_an_interrupted_load_landed_is_not_asked_for_again(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "6000", "--days", "30", "--seed", "5", "--freeze"))
    ledger = workplace.data / "raw" / "sweeps" / "source=prod"
    with running_load(workplace):
        wait_for(lambda: len(list(ledger.glob("[!.]*.json"))) >= 8)
    landed = {(one["start"], one["end"]) for one in map(json.loads, texts(ledger))}
    before = len(texts(ledger))
    assert workplace.run("load").status == 0
    again = [json.loads(text) for text in texts(ledger)[before:]]
    assert not landed.intersection((one["start"], one["end"]) for one in again if one["end"])


def texts(ledger: Path) -> list[str]:
    """The entries of a ledger, in order."""
    return [path.read_text() for path in sorted(ledger.glob("[!.]*.json"))]


def test_a_second_load_says_which_one_runs(workplace: Workplace, emulate: Callable[..., str]) -> None:
    workplace.configure(emulate("--tasks", "3000", "--days", "12", "--fault", "stall=1"))
    lock = workplace.data / ".locks" / "prod.lock"
    with running_load(workplace) as pid:
        wait_for(lambda: lock.exists() and str(pid) in lock.read_text())
        done = workplace.run("load")
    assert done.status == 1
    assert f"process {pid}" in done.err
    assert "--wait" in done.err


def test_a_load_that_waits_goes_on_once_the_other_is_gone(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "12000", "--days", "30", "--seed", "5", "--freeze"))
    lock = workplace.data / ".locks" / "prod.lock"
    with ThreadPoolExecutor(1) as pool:
        with running_load(workplace) as pid:
            wait_for(lambda: lock.exists() and str(pid) in lock.read_text())
            waiting = pool.submit(workplace.run, "load", "--wait")
            time.sleep(2)
            assert not waiting.done()
        done = waiting.result()
    assert done.status == 0, done.err
    outcomes = workplace.sql("SELECT outcome FROM loads ORDER BY started_at")
    assert [row["outcome"] for row in outcomes] == ["interrupted", "done"]
