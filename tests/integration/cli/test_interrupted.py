"""Ctrl-C ends a command with 130 and a sentence, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from support.command_line import Workplace

HEEDING = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's "&" would have it ignore
from cbr_warehouse.cli.main import main
"""
INTERRUPTED_SOON = (
    HEEDING
    + """
import time, duckdb, cbr_warehouse.cli.sql

def interrupt():  # again where the machine is so busy that the first arrives before the query
    while True:
        time.sleep(2.0)
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
main()
"""
)
ENDLESS = "SELECT sum(a.range * b.range) FROM range(100_000_000) AS a, range(100_000_000) AS b"


def test_a_query_that_is_interrupted_says_so(workplace: Workplace) -> None:
    """It was an unexpected error and 1: DuckDB makes a RuntimeError of Ctrl-C."""
    workplace.data.mkdir()
    duckdb.connect(str(workplace.data / "warehouse.duckdb")).close()
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_SOON, "sql", ENDLESS],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.startswith("cbr-warehouse: Interrupted.")
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_ends_the_demo_and_its_emulator_without_a_traceback(workplace: Workplace) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HEEDING + "main()", "demo", "--tasks", "50", "--days", "2"],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while not (workplace.data / ".demo.json").exists() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.5)  # the emulator's process has begun
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Interrupted." in err
    assert "Traceback" not in err


def test_the_version_needs_no_command(workplace: Workplace) -> None:
    done = workplace.run("--version")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("cbr-warehouse ")
