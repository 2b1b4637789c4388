"""A proxy between client and emulator that counts requests and calls a function after each page of tasks."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Proxy:
    """State and counters of a proxy.

    Attributes:
        target: Base URL of the emulator.
        url: Base URL of the proxy.
        requests: Requests so far.
        pages: Requests for a page of tasks, as opposed to a count.
        after_page: Called after each page with the number of pages so far.
    """

    target: str
    url: str = ""
    requests: int = 0
    pages: int = 0
    after_page: Callable[[int], None] = lambda _pages: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, after_page: Callable[[int], None] = lambda _pages: None) -> None:
        """Resets the counters."""
        self.requests = self.pages = 0
        self.after_page = after_page

    def pass_on(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Forwards a request to the emulator and returns status and body."""
        forwarded = urllib.request.Request(self.target + path, headers=headers)  # noqa: S310  # http by construction
        try:
            with urllib.request.urlopen(forwarded, timeout=60) as answer:  # noqa: S310
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        parts = urlsplit(path)
        is_page = parts.path.endswith("/operation-logs") and parse_qs(parts.query).get("limit") != ["1"]
        with self._lock:
            self.requests += 1
            self.pages += is_page
            if is_page:
                self.after_page(self.pages)
        return status, body


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    """Runs a proxy on a free loopback port."""
    proxy = Proxy(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # name required by http.server
            kept = {name: value for name, value in self.headers.items() if name.lower() == "x-auth-token"}
            status, body = proxy.pass_on(self.path, kept)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # name of the overridden method
            """Logs nothing: requests are counted."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Logs nothing: a killed client leaves broken connections."""

    server = Server(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
