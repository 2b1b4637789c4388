"""The page of ``cbr-warehouse open`` over HTTP in the test process, and a reader of its HTML."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from cbr_warehouse.page.server import Server, bind
from cbr_warehouse.page.snapshots import Snapshots

VOID = {"meta", "link", "input", "br", "hr", "img"}


@contextmanager
def served_page(path: Path) -> Iterator[str]:
    """Serves the page of a published file in a thread; gives its base URL."""
    ready = threading.Event()
    with bind(0) as listener:
        server = Server(Snapshots(path), listener.getsockname()[1], lambda _url: ready.set())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            assert ready.wait(60)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    url: str, path: str = "/", method: str = "GET", *headers: tuple[str, str], host: str | None = None
) -> Answer:
    """Sends one request with exactly these headers; without ``host`` the right one, with "" none at all."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    connection.putrequest(method, path.partition("#")[0], skip_host=True, skip_accept_encoding=True)
    if host is None or host:
        connection.putheader("Host", host or place.netloc)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


@dataclass
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything written in it."""
        return "".join(one if isinstance(one, str) else one.text for one in self.children)

    def find(self, tag: str = "", **attributes: str) -> list["Element"]:
        """All elements in it of that tag and these attributes, in order; ``*`` is any value."""
        found = []
        for child in self.children:
            if isinstance(child, str):
                continue
            wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
            if tag in ("", child.tag) and all(
                name in child.attributes and value in ("*", child.attributes[name])
                for name, value in wanted.items()
            ):
                found.append(child)
            found += child.find(tag, **attributes)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID and not tag.startswith(("rect", "path")):
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> ends <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_html(text: str) -> Element:
    """Parses a page; fails where an element is not closed."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is never closed"
    return reader.open[0]


def links_of(page: Element) -> list[str]:
    """Where its links lead."""
    return [one.attributes["href"] for one in page.find("a", href="*")]
