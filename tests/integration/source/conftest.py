"""A server that follows a script byte by byte: what a real one may do to a connection."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import Credentials, TokenCredentials
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime, Timeouts

Behaviour = Callable[[socket.socket, bytes], None]

TLS_HELLO = b"\x16"

SHORT_TIMEOUTS = Timeouts(
    budget_seconds=5,
    contact_seconds=1,
    attempt_seconds=1,
    connect_seconds=0.5,
    read_seconds=0.3,
    write_seconds=0.5,
)


@dataclass
class Server:
    """Accepts connections and treats each request as the script says.

    Attributes:
        url: Its base URL.
        requests: The heads of the requests received, in order.
        connections: How many connections were accepted.
    """

    listener: socket.socket
    behave: Callable[[int], Behaviour]
    context: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        scheme = "https" if self.context else "http"
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # the test is over
                return
            self.connections += 1
            threading.Thread(target=self._treat, args=(connection,), daemon=True).start()

    def _treat(self, connection: socket.socket) -> None:
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            while head := _head(connection):
                with self._lock:
                    self.requests.append(head)
                    behave = self.behave(len(self.requests))
                behave(connection, head)
        except OSError:  # the client has left
            pass
        finally:
            connection.close()


def _head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
        if head == TLS_HELLO:
            break  # nobody here understands the rest
    return head


class Acts:
    """What a server may do with a request."""

    @staticmethod
    def answer(body: bytes, status: int = 200, *headers: str, length: int | None = None) -> Behaviour:
        """Answers; another length than the true one cuts the answer off."""
        lines = [
            f"HTTP/1.1 {status} X",
            f"Content-Length: {len(body) if length is None else length}",
            *headers,
        ]
        head = "\r\n".join([*lines, "", ""]).encode()

        def act(connection: socket.socket, _: bytes) -> None:
            connection.sendall(head + body)
            if length is not None:
                connection.close()

        return act

    @staticmethod
    def page(*ids: str) -> Behaviour:
        records = ",".join(f'{{"id":"{one}"}}' for one in ids)
        return Acts.answer(f'{{"operation_logs":[{records}],"count":{len(ids)}}}'.encode())

    @staticmethod
    def stall(connection: socket.socket, _: bytes) -> None:
        connection.recv(1)  # until the client leaves

    @staticmethod
    def reset(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    @staticmethod
    def reset_in_the_body(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"operation_logs":[')
        Acts.reset(connection, head)

    @staticmethod
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        stop = threading.Event()
        while not stop.wait(0.05):
            connection.sendall(b"1\r\n \r\n")


@pytest.fixture
def acts() -> type[Acts]:
    return Acts


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers: the last act given is repeated."""
    servers: list[Server] = []

    def start(*script: Behaviour, context: ssl.SSLContext | None = None) -> Server:
        listener = socket.create_server(("127.0.0.1", 0))
        server = Server(listener, lambda number: script[min(number, len(script)) - 1], context)
        servers.append(server)
        threading.Thread(target=server.serve, daemon=True).start()
        return server

    yield start
    for server in servers:
        # Closing alone does not wake who waits in accept().
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., CbrClient]]:
    """Makes clients with little timeouts."""
    clients: list[CbrClient] = []

    def make(
        endpoint: str,
        credentials: Credentials | None = None,
        timeouts: Timeouts = SHORT_TIMEOUTS,
        ca_bundle: Path | None = None,
        runtime: Runtime | None = None,
    ) -> CbrClient:
        source = SourceSettings.model_validate(
            {
                "name": "prod-eu",
                "endpoint": endpoint,
                "project_id": "04f1829c788037ac2fb8c01eb2b04b95",
                "token": "env:UNUSED",
                "ca_bundle": ca_bundle,
            }
        )
        credentials = credentials or TokenCredentials(SecretStr("tok-5f7a1c"))
        clients.append(CbrClient(source, credentials, runtime, timeouts))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
