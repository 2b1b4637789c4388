"""Hosts that load sources of one project keep its rate together."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cbr_warehouse.remote.project_turn import hold_project
from support.command_line import COMMAND, PACKAGES
from support.emulator_server import Emulated, emulated
from support.hosts_of_commands import HostOfCommands
from support.store_hosts import Host

RATE = 4.0
KEY = ("https://cbr.example.com", "p")


@pytest.fixture
def source() -> Iterator[Emulated]:
    with emulated(tasks=200, days=5, seed=1, now=None) as running:
        yield running


def test_two_processes_of_two_hosts_keep_the_rate(source: Emulated, url: str, tmp_path: Path) -> None:
    """They sent at twice the rate."""
    hosts = []
    for name in ("one", "two"):
        host = HostOfCommands(tmp_path / name, source.url, url)
        path = host.folder / "cbr-warehouse.toml"
        text = path.read_text().replace('"prod"', f'"{name}"')
        path.write_text(f"{text}max_requests_per_second = {RATE}\n")
        hosts.append(host)
    times: list[float] = []
    source.after_list = lambda query: times.append(time.monotonic())
    environ = {**os.environ, "PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token"}
    loads = [subprocess.Popen([*COMMAND, "load"], cwd=host.folder, env=environ) for host in hosts]
    assert [load.wait(240) for load in loads] == [0, 0]
    assert len(times) > 4 * RATE
    span = 2.0
    busiest = max(sum(at <= other < at + span for other in times) for at in times)
    assert busiest <= RATE * span + 2  # one at the beginning, one where the second takes its turn


def test_threads_of_a_process_have_their_turn_together(url: str, tmp_path: Path) -> None:
    a, b = (Host(tmp_path / name, url) for name in ("a", "b"))
    order: list[str] = []
    entered = threading.Event()

    def of_b() -> None:
        with hold_project(b.directory, KEY, b.holding(wait=True)):
            order.append("b")

    with hold_project(a.directory, KEY, a.holding(wait=True)):
        with hold_project(a.directory, KEY, a.holding(wait=True)):
            order.append("a")
        other = threading.Thread(target=of_b)
        other.start()
        entered.wait(1.0)
        with hold_project(a.directory, KEY, a.holding(wait=True)):
            order.append("a")
        with hold_project(a.directory, ("https://cbr.example.com", "q"), a.holding(wait=True)):
            order.append("another project")
    other.join(30)
    assert order == ["a", "a", "another project", "b"]
    assert [said.partition(" (")[0] for said in b.said] == ["waiting for load on a"]


def test_the_turn_of_a_process_that_failed_is_free_at_once(url: str, tmp_path: Path) -> None:
    a, b = (Host(tmp_path / name, url) for name in ("a", "b"))
    with pytest.raises(ZeroDivisionError), hold_project(a.directory, KEY, a.holding(wait=True)):
        raise ZeroDivisionError
    with hold_project(b.directory, KEY, b.holding(wait=True)):
        assert b.said == []
