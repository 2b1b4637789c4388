"""What only a real connection shows: timeouts, resets, truncation, drips, proxies, certificates, threads."""

import logging
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from cbr_warehouse.errors import PermanentSourceError, TransientSourceError
from cbr_warehouse.settings.resolve_credentials import PasswordCredentials
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.runtime import Timeouts
from support.own_certificate import write_certificate


def ids(client, offset: int = 0) -> list[bytes]:
    return list(client.list_tasks(TaskQuery(), limit=5, offset=offset).records)


def test_a_page_comes_over_one_connection_after_the_other(serve, acts, connect) -> None:
    server = serve(acts.page("a", "b"))
    client = connect(server.url)
    for _ in range(3):
        assert ids(client) == [b'{"id":"a"}', b'{"id":"b"}']
    assert server.connections == 1
    head = server.requests[0].decode()
    assert head.startswith(
        "GET /v3/04f1829c788037ac2fb8c01eb2b04b95/operation-logs?limit=5&offset=0 HTTP/1.1\r\n"
    )
    assert "X-Auth-Token: tok-5f7a1c\r\n" in head


@pytest.mark.parametrize("act", ["stall", "reset", "reset_in_the_body", "drip"])
def test_a_connection_that_fails_once_is_retried(serve, acts, connect, act: str) -> None:
    server = serve(getattr(acts, act), acts.page("a"))
    assert ids(connect(server.url)) == [b'{"id":"a"}']
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("body", "length", "headers"),
    [
        (b'{"operation_logs":[{"id":"a"}', 100, ()),
        (b'{"operation_logs":[{"id":"a"}]}', 500, ()),
        (b"\x1f\x8b\x08garbled", None, ("Content-Encoding: gzip",)),
        (b'{"operation_logs":[{"id":"a"},{"id', None, ()),
    ],
)
def test_a_truncated_answer_is_asked_for_again(serve, acts, connect, body, length, headers) -> None:
    server = serve(acts.answer(body, 200, *headers, length=length), acts.page("a"))
    assert ids(connect(server.url)) == [b'{"id":"a"}']
    assert len(server.requests) == 2


@pytest.mark.parametrize("act", ["stall", "drip"])
@pytest.mark.fault("liveness")
def test_a_server_that_never_finishes_is_given_up(serve, acts, connect, act: str) -> None:
    server = serve(getattr(acts, act))
    client = connect(server.url, timeouts=Timeouts(budget_seconds=2, attempt_seconds=0.5, read_seconds=0.3))
    began = time.monotonic()
    with pytest.raises(TransientSourceError, match="gave no whole answer in time"):
        ids(client)
    assert time.monotonic() - began < 4
    assert len(server.requests) >= 2


def test_a_server_that_says_when_is_asked_then(serve, acts, connect) -> None:
    server = serve(acts.answer(b"busy", 429, "Retry-After: 0"), acts.page("a"))
    assert ids(connect(server.url)) == [b'{"id":"a"}']


def test_a_port_without_a_server_is_reported_soon(connect) -> None:
    began = time.monotonic()
    with pytest.raises(TransientSourceError, match=r"the connection was refused.*127\.0\.0\.1:9"):
        ids(connect("http://127.0.0.1:9"))
    assert time.monotonic() - began < 5


def test_a_proxy_is_used(serve, acts, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(acts.page("a"))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://user:proxy-pw@"))
    assert ids(connect("http://cbr.example.invalid")) == [b'{"id":"a"}']
    assert proxy.requests[0].startswith(
        b"GET http://cbr.example.invalid/v3/04f1829c788037ac2fb8c01eb2b04b95/"
    )


def test_a_proxy_that_refuses_is_reported(serve, acts, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(acts.answer(b"", 407))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(PermanentSourceError, match="the proxy, which answered 407"):
        ids(connect("https://cbr.example.invalid"))
    assert proxy.requests[0].startswith(b"CONNECT cbr.example.invalid:443 ")


def test_an_address_that_no_proxy_is_for_goes_without(
    serve, acts, connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ids(connect(serve(acts.page("a")).url)) == [b'{"id":"a"}']


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_an_own_authority_is_trusted_where_it_is_named(serve, acts, connect, tls, certificate) -> None:
    server = serve(acts.page("a"), context=tls)
    assert ids(connect(server.url, ca_bundle=certificate)) == [b'{"id":"a"}']
    with pytest.raises(
        PermanentSourceError, match=r"certificate is not trusted.*key ca_bundle of the source"
    ):
        ids(connect(server.url))
    assert len(server.requests) == 1


def test_a_server_without_tls_is_reported(serve, acts, connect) -> None:
    server = serve(acts.answer(b"", 400))
    with pytest.raises(PermanentSourceError, match="does not speak TLS"):
        ids(connect(server.url.replace("http://", "https://")))


def test_no_token_shows_in_any_log(serve, acts, connect, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the HTTP library logs the headers of answers, and IAM answers with a token in a header."""
    caplog.set_level(logging.DEBUG)
    server = serve(
        acts.answer(b"{}", 201, "X-Subject-Token: tok-made-by-iam"), acts.answer(b"", 502), acts.page("a")
    )
    password = PasswordCredentials(server.url, "reader", SecretStr("pw-3c9e"), "acme")
    assert ids(connect(server.url, password)) == [b'{"id":"a"}']
    assert any(b"X-Auth-Token: tok-made-by-iam" in head for head in server.requests)
    said = "\n".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)
    assert "receive_response_headers.complete (headers left out)" in said
    assert "tok-made-by-iam" not in said
    assert "pw-3c9e" not in said


def test_a_token_that_expires_during_a_sweep_is_renewed(serve, acts, connect) -> None:
    server = serve(
        acts.answer(b"{}", 201, "X-Subject-Token: first"),
        acts.page("a"),
        acts.answer(b'{"error_code":"APIGW.0307","error_msg":"The token must be updated."}', 401),
        acts.answer(b"{}", 201, "X-Subject-Token: second"),
        acts.page("b"),
    )
    client = connect(server.url, PasswordCredentials(server.url, "reader", SecretStr("pw"), "acme"))
    assert ids(client) == [b'{"id":"a"}']
    assert ids(client, 1) == [b'{"id":"b"}']
    assert [b"X-Auth-Token: second" in head for head in server.requests] == [False] * 4 + [True]


def test_many_threads_share_a_client(serve, acts, connect) -> None:
    refused, good = acts.answer(b"busy", 429, "Retry-After: 0"), acts.page("a")
    server = serve(*[refused if number % 7 == 3 else good for number in range(60)], good)
    client = connect(server.url, timeouts=Timeouts(budget_seconds=30))
    with ThreadPoolExecutor(12) as threads:
        pages = list(threads.map(lambda offset: ids(client, offset), range(60)))
    assert pages == [[b'{"id":"a"}']] * 60
    assert client.requests_made == len(server.requests) > 60
    assert server.connections <= 20
