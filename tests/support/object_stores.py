"""S3 servers on loopback: moto's for quick tests, SeaweedFS as a real one, and a proxy that makes faults."""

import http.client
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cbr_warehouse.storage.object_store import ObjectStore, open_store
from cbr_warehouse.storage.store_url import parse_store_url
from support.local_ports import free_port

BUCKET = "backups"
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_REGION": "us-east-1"}


def environment(endpoint: str) -> dict[str, str]:
    """The variables with which a command finds a server."""
    return {**KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def in_environment(endpoint: str) -> Iterator[None]:
    """Sets the variables with which this process, and commands that it starts, find a server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(endpoint).items():
            patch.setenv(name, value)
        yield


def opened(endpoint: str, url: str, patience_seconds: float = 20.0) -> ObjectStore:
    """A store at a server; the environment of the process has its variables already."""
    return open_store(parse_store_url(url), environment(endpoint), patience_seconds)


def free_pair() -> int:
    """A port that is free, as is the one 10,000 above it, where SeaweedFS speaks gRPC.

    Both are below 32,768, from where on Linux gives ports to connections: it could take one before the
    server does.
    """
    while True:
        port = free_port() % 10_000 + 10_000
        with socket.socket() as one, socket.socket() as other, suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            return port


@contextmanager
def moto_server() -> Iterator[str]:
    """moto's server, as a process; gives its address, with the bucket made."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _process(command) as process:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_for(process, endpoint)
        make = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
        urllib.request.urlopen(make).close()
        yield endpoint


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """SeaweedFS, a real store with real signatures; it makes buckets as they are written to."""
    program = Path(sys.executable).with_name("weed")
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(
        '{"identities": [{"name": "a", "actions": ["Admin", "Read", "Write", "List"], "credentials": '
        f'[{{"accessKey": "AK", "secretKey": "{KEYS["AWS_SECRET_ACCESS_KEY"]}"}}]}}]}}'
    )
    ports = {name: free_pair() for name in ("s3", "master", "volume", "filer")}
    command = [
        str(program), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}", "-s3",
        f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-volume.max=20", "-master.volumeSizeLimitMB=64",
        *(f"-{name}.port={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with _process(command) as process:
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        _wait_for(process, endpoint)
        with in_environment(endpoint):
            # It answers before it has room for objects; until then writes are refused, and repeated.
            opened(endpoint, f"s3://{BUCKET}", patience_seconds=60).write("ready", b"")
        yield endpoint


def has_seaweedfs() -> bool:
    return shutil.which("weed", path=str(Path(sys.executable).parent)) is not None


@contextmanager
def real_store(folder: Path) -> Iterator[str]:
    """SeaweedFS where it is installed, moto's server elsewhere; the environment has its variables."""
    with seaweedfs(folder) if has_seaweedfs() else moto_server() as endpoint, in_environment(endpoint):
        yield endpoint


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], endpoint: str) -> None:
    place = urlsplit(endpoint)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise AssertionError("the server does not answer")


@dataclass(frozen=True)
class Request:
    """A request that passes the proxy."""

    method: str
    path: str
    headers: dict[str, str]


def error(status: int, code: str) -> bytes:
    """A store's answer of an error."""
    return f"{status}\n<Error><Code>{code}</Code><Message>{code} of a test.</Message></Error>".encode()


LOST = b"lost"
"""The request is carried out, and its response is lost."""

Fault = Callable[[Request], bytes | None]
"""What happens to a request: the answer, ``LOST``, or None where it passes."""


@dataclass
class FaultyStore:
    """A proxy before a server, which asks ``fault`` about each request and keeps all of them."""

    upstream: str
    fault: Fault = lambda request: None
    without_headers: frozenset[str] = frozenset()
    hidden_from_lists: Callable[[str], bool] = lambda key: False
    requests: list[Request] = field(default_factory=list)
    endpoint: str = ""

    def slow_down_and_lose(self, request: Request) -> bytes | None:
        """A fault: every third request is answered 503, and every fifth loses its response."""
        number = len(self.requests)
        return error(503, "SlowDown") if number % 3 == 0 else LOST if number % 5 == 0 else None

    @contextmanager
    def serve(self) -> Iterator["FaultyStore"]:
        """Runs the proxy in a thread."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def writes(self, part: str) -> int:
        """Requests that wrote something whose path has this part."""
        return sum(one.method == "PUT" and part in one.path for one in self.requests)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
                proxy.requests.append(request)
                answer = proxy.fault(request)
                if answer is not None and answer is not LOST:
                    status, _, text = answer.partition(b"\n")
                    self._send(int(status), [], text)
                    return
                status_, headers, text = proxy._forward(request, body)
                if answer is LOST:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self._send(status_, headers, text)

            def _send(self, status: int, headers: list[tuple[str, str]], text: bytes) -> None:
                self.send_response(status)
                lengths = {"content-length", "transfer-encoding", "connection"}
                for name, value in headers:
                    if name.lower() not in lengths:
                        self.send_header(name, value)
                length = next((v for n, v in headers if n.lower() == "content-length"), str(len(text)))
                self.send_header("content-length", length if self.command == "HEAD" else str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

        for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
            setattr(Handler, f"do_{method}", Handler._pass_on)
        return Handler

    def _forward(self, request: Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        place = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        headers = {name: value for name, value in request.headers.items() if name not in self.without_headers}
        try:
            connection.request(request.method, request.path, body, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if request.method == "GET" and "list-type" in request.path:
            parts = text.split(b"<Contents>")
            kept = [one for one in parts[1:] if not self.hidden_from_lists(one.decode())]
            ends = parts[-1].partition(b"</Contents>")[2] if len(parts) > 1 else b""
            is_last_hidden = len(parts) > 1 and self.hidden_from_lists(parts[-1].decode())
            text = b"<Contents>".join([parts[0], *kept]) + (ends if is_last_hidden else b"")
        return response.status, response.getheaders(), text
