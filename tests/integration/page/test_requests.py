"""The page over HTTP: what it answers to wrong, hostile and foreign requests, and while the file changes."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from support.emulator_server import Warehouse, emulated, write_records
from support.hostile_text import HOSTILE, LONG, hostile_records
from support.local_page import ask, links_of, read_html, served_page
from support.small_log import SmallLog


def log_of(*resources: str) -> SmallLog:
    log = SmallLog().cover("2026-03-08", "2026-03-09")
    for resource in resources:
        log.backup(resource, "2026-03-09 01:00", status="failed", error_code="BackupService.9910")
    return log


def open_files() -> int:
    """Files that this process has open, as far as the system tells."""
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.exists() else 0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_page(log_of("disk").publish(tmp_path_factory.mktemp("page") / "warehouse.duckdb")) as url:
        yield url


@pytest.mark.fault("foreign pages")
def test_requests_of_other_pages_are_refused(url: str) -> None:
    port = urlsplit(url).port
    assert ask(url).status == 200
    assert ask(url, host=f"localhost:{port}").status == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", ""):
        answer = ask(url, host=host)
        assert answer.status in {400, 403}
        assert b"disk" not in answer.body
    assert ask(url, "/", "GET", ("Origin", "http://evil.example")).status == 403
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        assert ask(url, "/", method).status == 405


@pytest.mark.fault("foreign pages")
def test_it_listens_on_loopback_alone(url: str) -> None:
    port = urlsplit(url).port
    assert port is not None
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        if str(address).startswith("127."):
            continue
        with socket.socket() as other:
            other.settimeout(2)
            assert other.connect_ex((str(address), port)) != 0


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/nothing", 404, "no page at this address"),
        ("/resource?source=main&id=nothing", 404, "No resource"),
        ("/resource", 404, "No resource"),
        ("/task?source=main&id=nothing", 404, "No task"),
        ("/record?source=main&id=nothing&version=1", 404, "no such version"),
        ("/definitions/nothing", 404, "no view"),
        ("/night", 400, "lacks a day"),
        ("/night?day=2026-02-30", 400, "not a day"),
        ("/?until=yesterday", 400, "not a day"),
        ("/?until=9999-12-31", 400, "not a day"),
        ("/?page=0", 400, "page: not a number"),
        ("/?page=1e3", 400, "page: not a number"),
        ("/?page=99999999999999999999", 400, "page: not a number"),
        ("/?nights=5000", 400, "nights: not a number"),
        ("/?by=tasks", 400, "Allowed: resources, vaults"),
        ("/?vault=%00", 400, "vault: not a text"),
        (f"/?vault={'x' * 20_000}", 400, "vault: not a text"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(url: str, address: str, status: int, says: str) -> None:
    answer = ask(url, address)
    assert (answer.status, says in answer.text) == (status, True), answer.text
    assert "Traceback" not in answer.text
    assert read_html(answer.text).find("h1")


@pytest.mark.parametrize(
    "address", ["/?page=1000000", "/?until=2000-01-01", "/?vault=nothing&type=x", "/?unknown=1"]
)
def test_an_address_with_nothing_to_show_is_a_page(url: str, address: str) -> None:
    assert ask(url, address).status == 200


@pytest.mark.fault("hostile text")
@pytest.mark.parametrize("name", ["source", "vault", "policy", "type", "resource", "code", "unknown"])
def test_what_an_address_holds_is_shown_as_text(url: str, name: str) -> None:
    for text in (HOSTILE, "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "' OR true --"):
        answer = ask(url, f"/?{name}={quote(text)}")
        assert answer.status == 200
        page = read_html(answer.text)
        assert page.find("script") + page.find("img") == []
        assert "\x1b" not in answer.text
        assert "\u202e" not in answer.text
        if name not in ("unknown", "code"):
            assert "disk</a>" not in answer.text


@pytest.mark.fault("hostile text")
def test_a_long_name_is_cut_but_on_the_page_of_its_own(tmp_path: Path) -> None:
    """In the calendar, one such name would push all others off the screen."""
    log = SmallLog().cover("2026-03-08", "2026-03-09")
    task = log.backup("disk", "2026-03-09 01:00", resource_name="n" * 5000, vault_name="v" * 5000)
    with served_page(log.publish(tmp_path / "warehouse.duckdb")) as url:
        night = "/night?source=main&id=disk&day=2026-03-08"
        for address in ("/", "/?by=vaults", night):
            page = read_html(ask(url, address).text)
            shown = [one.text for kind in ("h1", "a", "th") for one in page.find(kind)]
            assert max(map(len, shown)) < 300, address
        (trail,) = read_html(ask(url, f"/task?source=main&id={task}").text).find("nav", class_="trail")
        assert len(trail.text) < 300
        (heading,) = read_html(ask(url, "/resource?source=main&id=disk").text).find("h1")
        assert heading.text == "n" * 5000


@pytest.mark.fault("hostile text")
def test_what_a_source_sent_is_shown_as_text(tmp_path: Path) -> None:
    """Every page of a warehouse whose every text steers a terminal, breaks out of HTML or reverses a line."""
    records = write_records(tmp_path / "records.json", hostile_records())
    with emulated(records=records, now="2026-11-28T00:00:00Z") as source:
        warehouse = Warehouse(tmp_path / "data", source)
        warehouse.load()
    paths = [
        "/",
        "/?by=vaults",
        "/failures",
        "/streaks",
        "/causes",
        "/incidents",
        "/missed",
        "/unprotected",
        "/tasks?nights=56",
    ]
    visited: set[str] = set()
    with served_page(warehouse.directory.warehouse) as url:
        while paths:
            path = paths.pop()
            if path in visited or path.startswith(("#", "/definitions")):
                continue
            visited.add(path)
            answer = ask(url, path)
            # Of the text pytest shows only both ends, and what went wrong stands between them.
            assert answer.status == 200, (path, answer.text.partition("<main")[2])
            if path.startswith("/record"):
                assert answer.headers["x-content-type-options"] == "nosniff"
                continue
            page = read_html(answer.text)
            for tag in ("script", "img", "iframe", "base", "object", "style"):
                assert page.find(tag) == [], path
            elements = page.find()
            assert not [one for one in elements for name in one.attributes if name.startswith("on")], path
            assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links_of(page))
            for hidden in ("\x1b", "\x07", "\u202e", "\u2066", "\u200b", "\u2028", "\x7f"):
                assert hidden not in answer.text, path
            paths += links_of(page)
    assert any(quote(LONG[:3]) in path for path in visited)
    assert len([path for path in visited if path.startswith("/task?")]) > 5


def test_a_replaced_file_is_shown_at_once(tmp_path: Path) -> None:
    """The file is opened once; a load replaces it by a rename."""
    published = log_of("old-disk").publish(tmp_path / "warehouse.duckdb")
    with served_page(published) as url:
        assert "old-disk" in ask(url).text
        log_of("old-disk", "new-disk").publish(tmp_path / "next").replace(published)
        assert "new-disk" in ask(url).text
        before = open_files()
        for _ in range(3):
            log_of("new-disk").publish(tmp_path / "next").replace(published)
            assert "old-disk" not in ask(url).text
        assert open_files() <= before + 1


def test_without_a_warehouse_it_says_what_to_do_until_there_is_one(tmp_path: Path) -> None:
    published = tmp_path / "warehouse.duckdb"
    with served_page(published) as url:
        answer = ask(url)
        assert answer.status == 503
        assert "There is no warehouse yet" in answer.text
        assert "cbr-warehouse load" in answer.text
        log_of("disk").publish(published)
        assert "disk" in ask(url).text
        published.write_bytes(b"damaged" * 1000)
        answer = ask(url, "/failures")
        assert answer.status == 503
        assert "rebuild" in answer.text


def test_a_warehouse_without_a_task_says_what_to_do(tmp_path: Path) -> None:
    with served_page(SmallLog(watermark=None).publish(tmp_path / "warehouse.duckdb")) as url:
        answer = ask(url)
        assert answer.status == 200
        assert "cbr-warehouse load" in answer.text
        for path in (
            "/failures",
            "/streaks",
            "/causes",
            "/incidents",
            "/missed",
            "/tasks",
            "/coverage",
            "/unprotected",
        ):
            assert ask(url, path).status == 200, path
