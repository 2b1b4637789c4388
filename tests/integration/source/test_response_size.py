"""However large a response is, as sent or decompressed, the client reads a bounded part of it."""

import gzip
import socket
import tracemalloc
import zlib

import pytest

from cbr_warehouse.errors import PermanentSourceError, TransientSourceError
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.runtime import Timeouts
from cbr_warehouse.source.transport import MAX_BODY_BYTES

pytestmark = pytest.mark.fault("hostile responses")

MIB = 2**20
PATIENT = Timeouts(budget_seconds=30, attempt_seconds=30)


def ids(client) -> list[bytes]:
    return list(client.list_tasks(TaskQuery(), limit=5, offset=0).records)


def bomb(size: int) -> bytes:
    """A page of blanks, compressed a thousandfold."""
    compressor = zlib.compressobj(9, wbits=31)
    blanks = b" " * MIB
    body = [compressor.compress(b'{"operation_logs":[')]
    body += [compressor.compress(blanks) for _ in range(size // MIB)]
    return b"".join([*body, compressor.compress(b'],"count":0}'), compressor.flush()])


def blanks_for_ever(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(1024):
        connection.sendall(b" " * MIB)


def test_a_gzip_bomb_is_a_sentence_and_takes_little_memory(serve, acts, connect) -> None:
    """One of 2 MB took 2,081 MB of memory."""
    server = serve(acts.answer(bomb(512 * MIB), 200, "Content-Encoding: gzip"))
    client = connect(server.url, timeouts=PATIENT)
    tracemalloc.start()
    try:
        with pytest.raises(
            PermanentSourceError, match=r"answered 200 with more than 64 MiB.*Check the endpoint"
        ):
            ids(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MAX_BODY_BYTES
    assert len(server.requests) == 1, "it would come again"


def test_a_response_that_never_ends_is_a_sentence(serve, connect) -> None:
    client = connect(serve(blanks_for_ever).url, timeouts=PATIENT)
    with pytest.raises(PermanentSourceError, match="more than 64 MiB"):
        ids(client)


def test_a_bomb_within_a_bomb_is_not_unpacked(serve, acts, connect) -> None:
    twice = gzip.compress(bomb(256 * MIB))
    server = serve(acts.answer(twice, 200, "Content-Encoding: gzip, gzip"))
    with pytest.raises(PermanentSourceError, match="gave no list of tasks"):
        ids(connect(server.url, timeouts=PATIENT))


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_page_is_read(serve, acts, connect, coding: str, pack) -> None:
    records = b",".join(b'{"id":"%d","text":"%s"}' % (n, b"x" * 3000) for n in range(1000))
    body = pack(b'{"operation_logs":[' + records + b'],"count":1000}')
    server = serve(acts.answer(body, 200, f"Content-Encoding: {coding}"))
    assert len(ids(connect(server.url))) == 1000
    assert b"\r\nAccept-Encoding: gzip\r\n" in server.requests[0]


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_compressed_page_that_is_cut_off_is_requested_again(serve, acts, connect, cut: int) -> None:
    whole = gzip.compress(b'{"operation_logs":[{"id":"a"}],"count":1}')
    server = serve(acts.answer(whole[:-cut], 200, "Content-Encoding: gzip"), acts.page("a"))
    assert ids(connect(server.url)) == [b'{"id":"a"}']
    assert len(server.requests) == 2


def test_what_is_no_gzip_for_ever_is_given_up(serve, acts, connect) -> None:
    server = serve(acts.answer(b"not compressed", 200, "Content-Encoding: gzip"))
    with pytest.raises(TransientSourceError, match="broke off"):
        ids(connect(server.url))
