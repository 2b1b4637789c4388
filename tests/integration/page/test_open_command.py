"""``cbr-warehouse open`` as a process: one line on stdout, and an end by Ctrl-C with status 0."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.command_line import COMMAND, PACKAGES, Workplace
from support.local_page import ask
from support.small_log import SmallLog


@contextmanager
def opened(workplace: Workplace, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "open", *words],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def stored(workplace: Workplace) -> Workplace:
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00")
    log.publish(workplace.data / "warehouse.duckdb")
    return workplace


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_url_and_ends_with_status_0(stored: Workplace, stop: signal.Signals) -> None:
    with opened(stored) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert "disk" in ask(url).text
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    assert not [path for path in stored.data.iterdir() if path.name != "warehouse.duckdb"]


def test_a_port_in_use_is_an_error_of_usage(stored: Workplace) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = stored.run("open", "--port", str(port))
    assert (done.status, done.out) == (2, "")
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.err
    assert "--port" in done.err


def test_without_a_warehouse_it_says_so_and_waits_for_one(workplace: Workplace) -> None:
    with opened(workplace) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert "There is no warehouse yet" in ask(url).text
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "There is no warehouse yet" in err
    assert "cbr-warehouse load" in err
