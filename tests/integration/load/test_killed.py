"""Killed at any instant, a load leaves whole files and a whole warehouse; the next one goes on from there."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workplace import COMMAND, Workplace

SEEN = {"task_versions": "first_seen_at, last_seen_at", "coverage": "checked_at"}
TABLES = ("tasks", "resources", "resource_volumes", "replications", "task_versions", "quarantine", "coverage")


def facts(workplace: Workplace) -> dict[str, list[dict[str, object]]]:
    """Every table's rows without the times of seeing."""
    return {
        table: workplace.sql(
            f"SELECT * {f'EXCLUDE ({SEEN[table]})' if table in SEEN else ''} FROM {table} ORDER BY ALL"
        )
        for table in TABLES
    }


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


def test_a_load_killed_again_and_again_ends_where_an_undisturbed_one_does(
    workplace: Workplace, emulate: Callable[..., str], tmp_path: Path
) -> None:
    url = emulate("--tasks", "3000", "--days", "12", "--seed", "5", "--freeze")
    quiet = Workplace(tmp_path / "quiet")
    quiet.folder.mkdir()
    for place in (workplace, quiet):
        place.configure(url, history="12d")
    assert quiet.run("load").status == 0
    for seconds in (0.9, 1.3, 1.6, 2.0, 2.4, 3.0):
        with running_load(workplace):
            time.sleep(seconds)
        if (workplace.data / "warehouse.duckdb").exists():
            assert workplace.run("sql", "SELECT count(*) FROM tasks").status == 0
    assert workplace.run("load").status == 0
    assert facts(workplace) == facts(quiet)
    assert not list(workplace.data.rglob(".part-*"))


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
    lock = workplace.data / ".load.lock"
    with running_load(workplace) as pid:
        wait_for(lambda: lock.exists() and str(pid) in lock.read_text())
        done = workplace.run("load")
    assert done.status == 1
    assert f"process {pid}" in done.err
    assert "--wait" in done.err
