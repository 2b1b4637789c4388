"""Bytes that no correct server sends: the client gives a page or an error of its own, and ends."""

import socket

import pytest

from cbr_warehouse.errors import SourceError
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.runtime import Timeouts

pytestmark = pytest.mark.fault("hostile responses")

PAGE = b'{"operation_logs":[],"count":0}'
OK = b"HTTP/1.1 200 OK\r\n"
BRIEF = Timeouts(budget_seconds=1, attempt_seconds=1, read_seconds=0.3, connect_seconds=0.5)

RAW = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/0.9": PAGE,
    "another version": b"HTTP/9.9 200 OK\r\n\r\n" + PAGE,
    "status 99": b"HTTP/1.1 99 X\r\n\r\n",
    "status 999": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    "status of letters": b"HTTP/1.1 two X\r\n\r\n",
    "endless interim responses": b"HTTP/1.1 100 Continue\r\n\r\n" * 500,
    "switching protocols": b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "negative length": OK + b"Content-Length: -1\r\n\r\n" + PAGE,
    "length of letters": OK + b"Content-Length: many\r\n\r\n" + PAGE,
    "length beyond any": OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + PAGE,
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + PAGE,
    "bad chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "negative chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "unknown transfer encoding": OK + b"Transfer-Encoding: br\r\n\r\n" + PAGE,
    "header without a colon": OK + b"Nonsense\r\n\r\n" + PAGE,
    "header with NUL": OK + b"X-A: \x00\r\n\r\n" + PAGE,
    "header of 200 KB": OK + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n" + PAGE,
    "header that is no ASCII": OK + b"X-Request-Id: \xff\xfe\r\n\r\n" + PAGE,
    "redirect to nowhere": b"HTTP/1.1 302 X\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "redirect to no host": b"HTTP/1.1 302 X\r\nLocation: http://\xff:99999/\r\nContent-Length: 0\r\n\r\n",
    "redirect to a scheme": b"HTTP/1.1 307 X\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n",
    "redirect of many dots": b"HTTP/1.1 302 X\r\nLocation: //"
    + b"a." * 200
    + b"\r\nContent-Length: 0\r\n\r\n",
    "odd cookies": OK + b"Set-Cookie: =;;;\xff=\xff; expires=Thu, 99 Foo 99999\r\n\r\n" + PAGE,
    "unknown content encoding": OK + b"Content-Encoding: snappy\r\n\r\n" + PAGE,
    "wrong character set": OK + b"Content-Type: application/json; charset=no-such\r\n\r\n" + PAGE,
    "date beyond the calendar": OK + b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n\r\n" + PAGE,
    "date of long numbers": OK + b"Date: Fri, " + b"9" * 5000 + b" Dec 2026 00:00:00 GMT\r\n\r\n" + PAGE,
    "retry after for ever": b"HTTP/1.1 429 X\r\nRetry-After: "
    + b"9" * 400
    + b"\r\nContent-Length: 0\r\n\r\n",
    "error code of 5,000 digits": b'HTTP/1.1 400 X\r\n\r\n{"error_code":' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", RAW)
def test_whatever_a_server_sends_only_an_error_of_the_source_is_raised(serve, connect, name: str) -> None:
    def act(connection: socket.socket, _: bytes) -> None:
        connection.sendall(RAW[name])
        connection.shutdown(socket.SHUT_WR)

    client = connect(serve(act).url, timeouts=BRIEF)
    try:
        page = client.list_tasks(TaskQuery(), limit=5, offset=0)
    except SourceError as error:
        said = str(error)
    else:
        assert (page.records, page.count) == ((), 0)
        return
    assert said.startswith("Source prod-eu")
    assert said.isprintable()
    assert len(said) < 1500
