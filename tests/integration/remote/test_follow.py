"""The local page and the server of assistants show what other hosts publish while they run."""

import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from cbr_warehouse.mcp_server.server import Tools
from cbr_warehouse.page.snapshots import Snapshots
from cbr_warehouse.remote import follow
from cbr_warehouse.remote.follow import EVERY_SECONDS, PublishedFollower
from cbr_warehouse.remote.hold import refresh
from cbr_warehouse.remote.scopes import WAREHOUSE
from support.object_stores import FaultyStore, Request, error
from support.small_log import SmallLog
from support.store_hosts import Host


def publish(host: Host, tasks: int) -> None:
    """Publishes a warehouse with so many tasks."""
    log = SmallLog()
    for hour in range(tasks):
        log.backup("disk", f"2026-03-09 {hour:02d}:00")
    with host.changing(WAREHOUSE):
        host.directory.root.mkdir(parents=True, exist_ok=True)
        new = host.directory.root / ".part-new"
        log.publish(new)
        new.replace(host.directory.warehouse)


class Asking:
    """A host that reads, asked at times that a test chooses."""

    def __init__(self, host: Host) -> None:
        self.host = host
        refresh(host.directory, [WAREHOUSE], host.said.append)
        self.seconds = 0.0
        self.follower = PublishedFollower(host.directory, host.said.append, lambda: self.seconds)

    def shown(self) -> tuple[int, int]:
        """The tasks that the page has, and those that an assistant is told."""
        snapshots = Snapshots(self.host.directory.warehouse, self.follower.bring_up)
        tools = Tools(self.host.directory.warehouse, str, self.follower.bring_up)
        with snapshots.current() as snapshot:
            ((paged,),) = snapshot.opened.connection.execute("SELECT count(*) FROM tasks").fetchall()
        snapshots.close()
        told: Any = tools.run_sql("SELECT count(*) AS tasks FROM tasks")
        return paged, int(told["rows"][0]["tasks"])


@pytest.fixture
def hosts(url: str, tmp_path: Path) -> tuple[Host, Asking]:
    writer = Host(tmp_path / "writer", url)
    publish(writer, 1)
    return writer, Asking(Host(tmp_path / "reader", url))


def test_a_newer_publication_is_shown(hosts: tuple[Host, Asking]) -> None:
    writer, reader = hosts
    publish(writer, 3)
    assert reader.shown() == (1, 1)  # it was looked at a moment ago
    reader.seconds += EVERY_SECONDS
    assert reader.shown() == (3, 3)


def test_a_look_without_news_is_one_request_and_not_repeated_soon(
    hosts: tuple[Host, Asking], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reader = hosts
    with FaultyStore(endpoint).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        for _ in range(3):
            reader.seconds += EVERY_SECONDS
            for _ in range(4):
                reader.shown()
    asked = [(one.method, one.path.rpartition("/")[2]) for one in proxy.requests]
    assert asked == [("GET", "warehouse.json.gz")] * 3


@pytest.mark.fault("object stores")
def test_a_store_that_does_not_answer_is_reported_once(
    hosts: tuple[Host, Asking], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = hosts
    publish(writer, 2)
    with FaultyStore(endpoint, lambda request: error(403, "AccessDenied")).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        for _ in range(3):
            reader.seconds += EVERY_SECONDS
            assert reader.shown() == (1, 1)
    (said,) = reader.host.said
    assert "answers are from the warehouse that this machine has" in said
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    reader.seconds += EVERY_SECONDS
    assert reader.shown() == (2, 2)


@pytest.mark.fault("object stores")
def test_a_store_that_is_slow_keeps_nobody_waiting(
    hosts: tuple[Host, Asking], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = hosts
    publish(writer, 2)
    monkeypatch.setattr(follow, "WAIT_SECONDS", 0.1)
    slow = threading.Event()

    def wait(request: Request) -> None:
        slow.wait(30)

    with FaultyStore(endpoint, wait).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        reader.seconds += EVERY_SECONDS
        assert reader.shown() == (1, 1)
        slow.set()
        thread = reader.follower._looking
        assert thread is not None
        thread.join(30)
        assert reader.shown() == (2, 2)


def test_the_commands_follow(hosts: tuple[Host, Asking], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader = hosts
    monkeypatch.setenv("CBR_WAREHOUSE_CACHE_DIR", str(reader.host.directory.root / "cache"))
    monkeypatch.setattr(follow, "EVERY_SECONDS", 0.0)
    found: list[int] = []

    def serve(path: Path, *given: Any) -> None:
        found.append(path.stat().st_ino)
        publish(writer, 2 + len(found))
        given[-1]()
        found.append(path.stat().st_ino)

    class Server:
        def __init__(self, *given: Any) -> None:
            self.given = given

        def run(self) -> None:
            serve(*self.given)

    monkeypatch.setattr("cbr_warehouse.page.server.serve", serve)
    monkeypatch.setattr("cbr_warehouse.mcp_server.server.build_server", Server)
    for command in ("open", "mcp"):
        done = CliRunner().invoke(app, ["--data-dir", url, command])
        assert done.exit_code == 0, done.exception
    assert len(set(found)) == 3
