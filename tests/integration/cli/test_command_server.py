"""A command that is forked from the server of the tests is the command that a user starts."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.command_line import COMMAND, PACKAGES, Finished, Workplace
from support.command_server import command_server


def started(workplace: Workplace, *words: str, given: str = "", **environ: str) -> Finished:
    """Runs a command in an interpreter of its own."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHONIOENCODING": "utf-8"} | environ,
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "words",
    [("--version",), ("lode",), ("load", "--sinse", "1d"), ("--debug", "status"), ("schema", "tasks")],
)
def test_it_prints_and_ends_as_one_that_was_started(workplace: Workplace, words: tuple[str, ...]) -> None:
    workplace.configure("http://127.0.0.1:9")
    forked, fresh = workplace.run(*words), started(workplace, *words)
    assert (forked.status, forked.out) == (fresh.status, fresh.out)
    if "--debug" in words:  # the traceback of one that was started begins in the interpreter
        assert forked.err.splitlines()[-1] == fresh.err.splitlines()[-1]
    else:
        assert forked.err == fresh.err


def test_its_environment_is_its_own(workplace: Workplace) -> None:
    assert str(workplace.data) in workplace.run("status").err
    other = workplace.folder / "other"
    assert str(other) in workplace.run("status", CBR_WAREHOUSE_DATA_DIR=str(other)).err
    assert str(workplace.data) in workplace.run("status").err


def answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return True


def test_one_that_takes_too_long_is_killed(workplace: Workplace) -> None:
    environ = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    words = ["emulator", "--port", "0", "--tasks", "10"]
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        command_server().run(words, folder=workplace.folder, environ=environ, given=b"", timeout=5)
    url = caught.value.stdout.decode().strip()
    for _ in range(100):
        if not answers(url):
            return
        time.sleep(0.1)
    pytest.fail("it is running still")


def test_commands_run_side_by_side(workplace: Workplace, emulate: Callable[..., str]) -> None:
    """The second load waits for none, and is refused while the first one runs."""
    workplace.configure(
        emulate("--tasks", "50", "--days", "2", "--dialect", "max_limit=10"),
        history="2d",
        max_requests_per_second=8,
    )
    with ThreadPoolExecutor(2) as threads:
        loads = list(threads.map(workplace.run, ["load"] * 2))
    assert sorted(load.status for load in loads) == [0, 1]
    assert "running" in "".join(load.err for load in loads)


def test_the_server_imports_no_frames() -> None:
    """Where pandas is imported already, DuckDB and the commands find it and behave otherwise."""
    program = (
        "import runpy, sys; server = runpy.run_path(sys.argv[1]); "
        "[server['_import_all'](__import__(name)) for name in ('cbr_warehouse', 'cbr_emulator')]; "
        "print({'pandas', 'dagster', 'altair'} & sys.modules.keys(), 'duckdb' in sys.modules)"
    )
    path = str(PACKAGES.parent / "tests" / "support" / "command_server.py")
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set() True\n"
