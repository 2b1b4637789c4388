"""Sources side by side, with real processes: none waits for another one's API, and none is lost."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.command_line import COMMAND, PACKAGES, PROJECT, Workplace

pytestmark = pytest.mark.fault("isolation of sources")

ESTATE = ("--tasks", "900", "--days", "6", "--seed", "5", "--freeze")


@contextmanager
def server_that(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server; ``answer`` gets each connection in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def hang(connection: socket.socket) -> None:
    """Reads and never answers."""
    with connection:
        while connection.recv(65536):
            pass


def answer_with(status: str, connection: socket.socket) -> None:
    """Answers every request alike."""
    with connection:
        while connection.recv(65536):
            body = b'{"error_code": "BackupService.9900", "error_msg": "sorry"}'
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)


be_busy = partial(answer_with, "503 Busy")
refuse = partial(answer_with, "403 Forbidden")


def configure(workplace: Workplace, **endpoints: str) -> None:
    """Writes a configuration of several sources."""
    tables = []
    for name, endpoint in endpoints.items():
        values = {"name": name, "endpoint": endpoint, "project_id": PROJECT, "region": "eu-de"}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        tables.append("[[sources]]\n" + "\n".join([*lines, 'token = "env:CBR_TOKEN"', 'history = "5d"']))
    (workplace.folder / "cbr-warehouse.toml").write_text("\n\n".join(tables) + "\n")


@contextmanager
def running(workplace: Workplace, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Starts the command and kills it in the end, if it still runs."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(is_so: Callable[[], Any], seconds: float = 60) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tasks(workplace: Workplace) -> dict[str, int]:
    """Tasks by source in the published warehouse."""
    rows = workplace.sql("SELECT source, count(*) AS n FROM tasks GROUP BY source")
    return {row["source"]: row["n"] for row in rows}


def holds(workplace: Workplace, source: str, pid: int) -> bool:
    """Whether a process has the lock of a source."""
    lock = workplace.data / ".locks" / f"{source}.lock"
    return lock.exists() and str(pid) in lock.read_text()


@pytest.mark.parametrize("trouble", [hang, be_busy], ids=["hangs", "answers 503"])
def test_a_healthy_source_is_published_within_a_minute_whatever_the_others_do(
    workplace: Workplace, emulate: Callable[..., str], trouble: Callable[[socket.socket], None]
) -> None:
    """It waited for the other one's retries, ten minutes a request, before it was even asked."""
    with server_that(trouble) as endpoint:
        configure(workplace, aaa=endpoint, healthy=emulate(*ESTATE))
        began = time.monotonic()
        with running(workplace, "load") as process:
            wait_for((workplace.data / "warehouse.duckdb").exists)
            assert time.monotonic() - began < 60
            assert process.poll() is None, "the other source is still being asked"
            assert tasks(workplace)["healthy"] > 500


def test_a_failed_source_is_named_and_no_step_of_it_is_reported_as_done(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    """It printed "done" four times before it said that it failed."""
    with server_that(refuse) as endpoint:
        configure(workplace, busy=endpoint, healthy=emulate(*ESTATE))
        done = workplace.run("load")
    assert done.status == 1
    assert "busy: the load failed: " in done.err
    assert "403" in done.err
    assert "done" not in done.err
    lines = [line for line in done.err.splitlines() if line.startswith("busy: ")]
    assert lines == []
    assert "healthy: completeness checked" in done.err
    assert tasks(workplace).keys() == {"healthy"}
    outcomes = workplace.sql("SELECT source, outcome FROM loads ORDER BY source")
    assert [tuple(row.values()) for row in outcomes] == [("busy", "failed"), ("healthy", "done")]


def test_two_commands_load_different_sources_at_once(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    """The second one was refused: the whole data directory was locked."""
    configure(workplace, one=emulate(*ESTATE), two=emulate(*ESTATE))
    with running(workplace, "load", "--source", "one") as first:
        wait_for(lambda: holds(workplace, "one", first.pid))
        second = workplace.run("load", "--source", "two")
        assert second.status == 0, second.err
        _, err = first.communicate(timeout=120)
        assert first.returncode == 0, err
    before = tasks(workplace)
    assert before.keys() == {"one", "two"}
    assert min(before.values()) > 500
    assert workplace.run("rebuild").status == 0
    assert tasks(workplace) == before


def test_a_source_that_another_command_loads_is_left_out_and_named(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    with server_that(hang) as endpoint:
        configure(workplace, slow=endpoint, healthy=emulate(*ESTATE))
        with running(workplace, "load", "--source", "slow") as first:
            wait_for(lambda: holds(workplace, "slow", first.pid))
            both = workplace.run("load")
            alone = workplace.run("load", "--source", "slow")
            rebuilt = workplace.run("rebuild")
            assert first.poll() is None
    for done in (both, alone, rebuilt):
        assert done.status == 1
        assert f"Another load is running: load of slow (process {first.pid})" in done.err
    assert tasks(workplace).keys() == {"healthy"}


def test_a_load_that_waits_says_for_whom(workplace: Workplace, emulate: Callable[..., str]) -> None:
    with server_that(hang) as endpoint:
        configure(workplace, prod=endpoint)
        with running(workplace, "load") as first:
            wait_for(lambda: holds(workplace, "prod", first.pid))
            configure(workplace, prod=emulate(*ESTATE))
            with running(workplace, "load", "--wait") as second:
                assert second.stderr is not None
                line = second.stderr.readline()
                assert f"prod: waiting for load of prod (process {first.pid}), since 20" in line
                os.killpg(first.pid, signal.SIGKILL)
                _, err = second.communicate(timeout=120)
                assert second.returncode == 0, err
    assert tasks(workplace)["prod"] > 500


def test_loads_and_rebuilds_at_once_lose_nothing(workplace: Workplace, emulate: Callable[..., str]) -> None:
    configure(workplace, one=emulate(*ESTATE), two=emulate(*ESTATE), three=emulate(*ESTATE))
    assert workplace.run("load").status == 0
    before = tasks(workplace)
    (workplace.data / "warehouse.duckdb").unlink()
    with (
        running(workplace, "load", "--source", "one", "--deep", "--wait") as one,
        running(workplace, "load", "--source", "two", "--deep", "--wait") as two,
        running(workplace, "load", "--deep", "--wait") as every,
        running(workplace, "rebuild") as rebuild,
    ):
        for process in (one, two, every, rebuild):
            _, err = process.communicate(timeout=200)
            assert process.returncode == 0 or (process is rebuild and "Another load is running" in err), err
    assert tasks(workplace) == before
    assert workplace.run("load").status == 0
    assert tasks(workplace) == before
    states = workplace.sql("SELECT DISTINCT state FROM coverage ORDER BY state")
    assert {row["state"] for row in states} <= {"complete", "open", "unverified"}
    assert not list(Path(workplace.data).rglob(".part-*"))
