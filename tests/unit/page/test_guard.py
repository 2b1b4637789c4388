"""Which requests the page refuses: other hosts, other origins, other methods, and embedding pages."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from cbr_warehouse.page.guard import HEADERS, Guard

pytestmark = pytest.mark.fault("foreign pages")

PORT = 8765
HERE = f"127.0.0.1:{PORT}"
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def answer(*headers: tuple[str, str], method: str = "GET", port: int = PORT) -> tuple[int, dict[str, str]]:
    """Status and headers of the response to a request."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(PlainTextResponse("the page"), port)(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert (b"the page" in sent[1]["body"]) == (sent[0]["status"] == 200)
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= found.items()
    return sent[0]["status"], found


@pytest.mark.parametrize("host", [HERE, f"localhost:{PORT}", f"LocalHost:{PORT}"])
def test_its_own_addresses_are_answered(host: str) -> None:
    assert answer(("Host", host))[0] == 200
    assert answer(("Host", host), ("Origin", f"http://{HERE}"))[0] == 200
    assert answer(("Host", host), ("Sec-Fetch-Site", "none"))[0] == 200
    assert answer(("Host", host), ("Sec-Fetch-Site", "same-origin"))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",  # a name that now resolves to 127.0.0.1: DNS rebinding
        f"127.0.0.1.evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"0.0.0.0:{PORT}",
        f"[::1]:{PORT}",
        f"{HERE}, evil.example",
        f"localhost.:{PORT}",
        "",
    ],
)
def test_other_hosts_are_refused(host: str) -> None:
    assert answer(("Host", host))[0] == 403


def test_a_request_without_host_or_with_two_is_refused() -> None:
    assert answer()[0] == 403
    assert answer(("Host", HERE), ("Host", "evil.example"))[0] == 403
    assert answer(("Host", HERE), ("Host", HERE))[0] == 403


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", f"https://{HERE}", "http://127.0.0.1", "http://localhost:1", ""],
)
def test_other_origins_are_refused(origin: str) -> None:
    assert answer(("Host", HERE), ("Origin", origin))[0] == 403


def test_another_page_may_link_to_it_and_not_embed_it() -> None:
    assert answer(("Host", HERE), *LINK.items())[0] == 200
    for other in ("iframe", "image", "script", "object", "empty"):
        assert answer(("Host", HERE), *(LINK | {"sec-fetch-dest": other}).items())[0] == 403
    assert answer(("Host", HERE), *(LINK | {"sec-fetch-mode": "no-cors"}).items())[0] == 403
    assert answer(("Host", HERE), ("Sec-Fetch-Site", "same-site"))[0] == 403


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "X"]
)
def test_only_get_is_allowed(method: str) -> None:
    status, headers = answer(("Host", HERE), method=method)
    assert (status, headers["allow"]) == (405, "GET")


def test_the_default_port_of_http_may_be_left_out() -> None:
    assert answer(("Host", "localhost"), port=80)[0] == 200
    assert answer(("Host", "evil.example"), port=80)[0] == 403


def test_a_browser_is_told_to_load_nothing_else() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Referrer-Policy"] == "no-referrer"
