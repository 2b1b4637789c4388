"""Failures by class: which are tried again, how long, and the final message."""

import socket
import ssl
from datetime import timedelta

import httpx
import pytest

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SignInError, TransientSourceError
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.retry import MAX_ATTEMPTS, NOTICE_SECONDS
from cbr_warehouse.source.runtime import Timeouts

A = b'{"id":"a"}'


def ask(client):
    return client.list_tasks(TaskQuery(), limit=5, offset=0)


def caused(error: httpx.HTTPError, cause: Exception) -> httpx.HTTPError:
    error.__cause__ = cause
    return error


PASSING = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.PoolTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    httpx.DecodingError("Error -3 while decompressing data"),
    httpx.ProxyError("502 Bad Gateway"),
    *(httpx.Response(status, content=b"<html>oops</html>") for status in (408, 429, 500, 502, 503, 504)),
]


@pytest.mark.parametrize("failure", PASSING, ids=repr)
def test_a_failure_that_may_pass_is_tried_again(world, failure) -> None:
    client = world.client(world.in_turn(failure, world.page(A)))
    assert ask(client).records == (A,)
    assert len(world.sleeps) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, PermanentSourceError),
        (400, PermanentSourceError),
        (401, SignInError),
        (403, ForbiddenError),
        (404, PermanentSourceError),
        (405, PermanentSourceError),
        (407, PermanentSourceError),
        (413, PermanentSourceError),
        (501, PermanentSourceError),
        (204, PermanentSourceError),
    ],
)
@pytest.mark.fault("refused requests")
def test_a_permanent_refusal_is_reported_at_once(world, status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"answered {status}"):
        ask(world.client(world.in_turn(httpx.Response(status))))
    assert world.sleeps == []


def test_waits_grow_and_are_scattered(world) -> None:
    with pytest.raises(TransientSourceError):
        ask(world.client(world.always(503)))
    assert all(0.5 <= wait / min(60, 2**n) <= 1 for n, wait in enumerate(world.sleeps))
    assert len(set(world.sleeps)) == len(world.sleeps)


@pytest.mark.fault("liveness")
def test_one_budget_of_time_holds_for_all_tries(world) -> None:
    answer = httpx.Response(503, json={"error_code": "APIGW.0613", "error_msg": "IAM is unavailable"})
    with pytest.raises(TransientSourceError) as caught:
        ask(world.client(lambda _: answer, timeouts=Timeouts(budget_seconds=100)))
    spent = world.monotonic()
    assert 60 < spent <= 100
    assert str(caught.value) == (
        f"Source prod-eu: GET https://cbr.example.com{world.LIST_PATH} was tried {len(world.requests)} times "
        f"in {spent:.0f} s; at last it answered 503 APIGW.0613: IAM is unavailable. The fault lies with the "
        "service or on the way to it: try again later."
    )


@pytest.mark.fault("refused requests")
def test_a_quota_of_five_minutes_is_outlasted(world) -> None:
    """The gateway's quotas are by five minutes, and refused requests count against them."""

    def script(_: httpx.Request) -> httpx.Response:
        if world.now < world.START + timedelta(minutes=5):
            return httpx.Response(
                429, json={"error_code": "APIGW.0308", "error_msg": "limit:200,time:5 minute"}
            )
        return world.page(A)

    assert ask(world.client(script)).records == (A,)
    assert len(world.requests) <= 10


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:40 GMT"}, 40),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0),
        # The server's clock is an hour ahead of ours: it is its own Date that counts.
        ({"Retry-After": "Sun, 01 Mar 2026 13:00:40 GMT", "Date": "Sun, 01 Mar 2026 13:00:10 GMT"}, 30),
    ],
)
@pytest.mark.parametrize(("status", "own"), [(429, 4), (503, 1)])
def test_a_server_that_says_when_is_asked_again_then(
    world, status: int, own: float, headers, seconds: float
) -> None:
    ask(world.client(world.in_turn(httpx.Response(status, headers=headers), world.page(A))))
    assert seconds <= world.monotonic() <= max(seconds + 1, own)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("said", ["0", "0.001", "-1", "Sun, 01 Mar 2026 11:00:00 GMT"])
@pytest.mark.fault("refused requests")
def test_a_retry_after_of_zero_does_not_switch_off_the_backoff(world, status: int, said: str) -> None:
    """429 with Retry-After: 0 was answered with 1,117 requests in 566 s."""
    with pytest.raises(TransientSourceError, match="answered"):
        ask(world.client(world.always(status, headers={"Retry-After": said})))
    assert 5 <= len(world.requests) <= 30
    assert all(wait >= min(30, 0.5 * 2**n) for n, wait in enumerate(world.sleeps))


@pytest.mark.fault("liveness")
def test_attempts_are_bounded_where_no_clock_moves(world) -> None:
    world.sleep = world.sleeps.append
    with pytest.raises(TransientSourceError, match=f"tried {MAX_ATTEMPTS} times"):
        ask(world.client(world.always(503)))
    assert len(world.requests) == MAX_ATTEMPTS


@pytest.mark.fault("liveness")
def test_an_endless_wait_is_a_short_sentence(world) -> None:
    with pytest.raises(TransientSourceError, match="asks to wait 31622400 s") as caught:
        ask(world.client(world.always(429, headers={"Retry-After": "1e300"})))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("said", ["soon", "", "nan", "inf", "Sun, 99 Foo 2026", "1e400"])
@pytest.mark.fault("hostile responses")
def test_a_server_that_says_nonsense_is_retried_as_if_it_had_not(world, said: str) -> None:
    ask(world.client(world.in_turn(httpx.Response(503, headers={"Retry-After": said}), world.page(A))))
    assert 0.5 <= world.monotonic() <= 1


@pytest.mark.fault("liveness")
def test_a_source_that_never_answered_well_is_given_up_early(world) -> None:
    """Every request was tried for ten minutes."""
    with pytest.raises(TransientSourceError, match=r"tried \d+ times in \d+ s"):
        ask(world.client(world.always(503)))
    assert 30 < sum(world.sleeps) <= 120


def test_a_source_that_answered_before_gets_the_whole_budget(world) -> None:
    client = world.client(world.in_turn(world.page(A), *[httpx.Response(503)] * 99))
    assert ask(client).records == (A,)
    with pytest.raises(TransientSourceError):
        ask(client)
    assert sum(world.sleeps) > 300


def test_a_rate_limit_of_minutes_is_waited_for_from_the_first_request_on(world) -> None:
    limited = httpx.Response(429, headers={"Retry-After": "290"})
    assert ask(world.client(world.in_turn(limited, world.page(A)))).records == (A,)


def test_a_wait_beyond_the_budget_is_not_begun(world) -> None:
    with pytest.raises(TransientSourceError, match="asks to wait 3600 s, longer than the 600 s"):
        ask(world.client(world.always(429, headers={"Retry-After": "3600"})))
    assert world.sleeps == []
    assert len(world.requests) == 1


@pytest.mark.fault("liveness")
def test_a_source_never_reached_is_given_up_soon(world) -> None:
    error = caused(
        httpx.ConnectError("[Errno 111] Connection refused"), ConnectionRefusedError(111, "refused")
    )
    with pytest.raises(
        TransientSourceError, match="could not be reached: the connection was refused"
    ) as caught:
        ask(world.client(lambda _: error))
    assert world.monotonic() <= 15
    assert "Check the endpoint with its port (cbr.example.com)" in str(caught.value)


def test_a_source_reached_before_is_waited_for(world) -> None:
    def script(_: httpx.Request) -> httpx.Response | Exception:
        down = timedelta(seconds=1) <= world.now - world.START < timedelta(minutes=4)
        return httpx.ConnectError("refused") if down else world.page(A)

    client = world.client(script)
    ask(client)
    world.sleep(1)
    assert ask(client).records == (A,)
    assert world.monotonic() >= 240


def test_a_name_that_cannot_be_resolved_is_reported_as_such(world) -> None:
    error = caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known"))
    with pytest.raises(
        TransientSourceError, match=r"its name cannot be resolved\. Check the spelling of the endpoint"
    ):
        ask(world.client(lambda _: error))


def test_a_certificate_that_is_not_trusted_is_reported_at_once(world) -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    with pytest.raises(PermanentSourceError, match=r"self-signed certificate.*ca_bundle of the source"):
        ask(world.client(lambda _: caused(httpx.ConnectError(str(cause)), cause)))
    assert len(world.requests) == 1


def test_a_server_without_tls_is_reported_at_once(world) -> None:
    cause = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    with pytest.raises(
        PermanentSourceError, match=r"does not speak TLS\. Check whether the endpoint begins with http://"
    ):
        ask(world.client(lambda _: caused(httpx.ConnectError("x"), cause)))


def test_a_handshake_that_breaks_off_is_tried_again(world) -> None:
    cause = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
    ask(world.client(world.in_turn(caused(httpx.ConnectError("x"), cause), world.page(A))))
    assert len(world.requests) == 2


def test_a_proxy_that_wants_a_password_is_reported_at_once(world) -> None:
    with pytest.raises(
        PermanentSourceError, match="the proxy, which answered 407 Proxy Authentication Required"
    ):
        ask(world.client(world.in_turn(httpx.ProxyError("407 Proxy Authentication Required"))))


@pytest.mark.fault("liveness")
def test_an_answer_that_drips_is_given_up(world) -> None:
    class Drip(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                world.sleep(20)
                yield b" "

    client = world.client(lambda _: httpx.Response(200, stream=Drip()), timeouts=Timeouts(attempt_seconds=60))
    with pytest.raises(TransientSourceError, match="gave no whole answer in time"):
        ask(client)
    assert world.monotonic() <= 700


def test_no_wait_is_spent_with_an_answer_open(world) -> None:
    """An answer that stays open while its request waits holds one of a few connections."""
    opened = []

    class Body(httpx.SyncByteStream):
        is_closed = False

        def __iter__(self):
            yield b"<html>busy</html>"

        def close(self) -> None:
            self.is_closed = True

    def script(_: httpx.Request) -> httpx.Response:
        assert all(body.is_closed for body in opened)
        opened.append(Body())
        return httpx.Response(503, stream=opened[-1]) if len(opened) < 4 else world.page(A)

    ask(world.client(script))
    assert len(opened) == 4


def test_a_redirect_is_not_followed(world) -> None:
    """It would carry the token to another server."""
    answer = httpx.Response(302, headers={"Location": "https://user:pw@evil.example.com/v3?x=1"})
    with pytest.raises(PermanentSourceError, match=r"points to https://\[secret\]@evil.example.com/v3"):
        ask(world.client(world.in_turn(answer)))


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "cbr_warehouse.source"
    ]


def test_a_first_retry_is_a_warning_and_each_request_a_line(world, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="cbr_warehouse.source")
    ask(world.client(world.in_turn(httpx.Response(502), world.page(A))))
    lines = logged(caplog)
    assert [level for level, _ in lines] == ["DEBUG", "WARNING", "DEBUG"]
    assert "?limit=5&offset=0: 502, 0 bytes in 0.000 s" in lines[0][1]
    assert "answered 502; attempt 2 follows in 0.7 s" in lines[1][1]


def test_the_retries_of_a_source_are_announced_once(world, caplog: pytest.LogCaptureFixture) -> None:
    """A dead proxy printed 24 lines."""
    caplog.set_level("DEBUG", logger="cbr_warehouse.source")
    client = world.client(lambda _: httpx.ConnectError("refused"))
    for _ in range(4):
        with pytest.raises(TransientSourceError):
            ask(client)
    lines = logged(caplog)
    assert len(lines) > 20
    assert [level for level, _ in lines].count("WARNING") == 1
    world.sleep(NOTICE_SECONDS)
    with pytest.raises(TransientSourceError):
        ask(client)
    assert [level for level, _ in logged(caplog)].count("WARNING") == 2
