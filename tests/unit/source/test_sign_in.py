"""The three ways to sign in: what is sent, when it is renewed, and that nobody is locked out."""

import json
import threading
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from pydantic import SecretStr

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SignInError, TransientSourceError
from cbr_warehouse.settings.resolve_credentials import KeyCredentials
from cbr_warehouse.source.query import TaskQuery

A = b'{"id":"a"}'
HOUR = timedelta(hours=1)


def ask(client):
    return client.list_tasks(TaskQuery(vault_name="a b"), limit=5, offset=0)


class Cloud:
    """IAM and the API: a token is good until it is revoked or expires."""

    def __init__(self, world, *, lifetime: timedelta = 24 * HOUR) -> None:
        self.world = world
        self.lifetime = lifetime
        self.good: dict[str, object] = {}
        self.made = 0
        self.lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            with self.lock:
                self.made += 1
                value = f"tok-{self.made}"
                self.good[value] = self.world.now + self.lifetime
            return self.world.iam_token(value, issued_at=self.world.now, lifetime=self.lifetime)
        expires_at = self.good.get(request.headers["X-Auth-Token"])
        if expires_at is None or self.world.now >= expires_at:
            return httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "token expires"})
        return self.world.page(A)


def test_a_given_token_is_sent_as_it_is(world) -> None:
    ask(world.client(world.in_turn(world.page(A))))
    assert world.requests[0].headers["X-Auth-Token"] == "tok-5f7a1c"
    assert "X-Project-Id" not in world.requests[0].headers


@pytest.mark.fault("refused requests")
def test_a_given_token_that_is_refused_is_not_tried_again(world) -> None:
    answer = httpx.Response(401, json={"error_code": "APIGW.0307", "error_msg": "The token must be updated."})
    with pytest.raises(
        SignInError, match=r"401 APIGW.0307: The token must be updated\..*The token that the key token"
    ):
        ask(world.client(world.in_turn(answer)))


def test_iam_is_asked_as_its_documents_say(world) -> None:
    client = world.client(Cloud(world), world.PASSWORD)
    assert ask(client).records == (A,)
    iam, api = world.requests
    assert iam.method == "POST"
    assert str(iam.url) == "https://iam.example.com/v3/auth/tokens?nocatalog=true"
    assert iam.headers["Content-Type"] == "application/json"
    assert json.loads(iam.content) == {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "reader", "password": "pass wörd", "domain": {"name": "acme"}}},
            },
            "scope": {"project": {"id": world.PROJECT}},
        }
    }
    assert api.headers["X-Auth-Token"] == "tok-1"
    assert client.requests_made == 2


@pytest.mark.parametrize(
    ("lifetime", "kept", "renewed"),
    [
        (24 * HOUR, 24 * HOUR - timedelta(minutes=11), 24 * HOUR - timedelta(minutes=10)),
        (timedelta(minutes=10), timedelta(minutes=7, seconds=59), timedelta(minutes=8)),
    ],
)
def test_a_token_is_renewed_before_it_expires(world, lifetime, kept, renewed) -> None:
    cloud = Cloud(world, lifetime=lifetime)
    client = world.client(cloud, world.PASSWORD)
    for after, made in ((timedelta(0), 1), (kept, 1), (renewed, 2)):
        world.now = world.START + after
        ask(client)
        assert cloud.made == made


@pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR, timedelta(seconds=1), -timedelta(days=9000)])
@pytest.mark.fault("refused requests")
def test_a_token_that_says_it_has_expired_is_used_until_it_is_refused(world, lifetime) -> None:
    """Each request signed in again."""

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            return world.iam_token("tok", issued_at=world.START, lifetime=lifetime)
        return world.page(A)

    client = world.client(script, world.PASSWORD)
    for _ in range(20):
        ask(client)
        world.now += timedelta(seconds=2)
    assert [request.url.host for request in world.requests].count("iam.example.com") == 1


@pytest.mark.fault("refused requests")
def test_tokens_that_do_not_live_a_moment_end_in_a_sentence(world) -> None:
    """One renewal a request would go on for as long as the load does."""
    cloud = Cloud(world, lifetime=timedelta(seconds=5))
    client = world.client(cloud, world.PASSWORD)

    def ask_for_long() -> None:
        for _ in range(100):
            ask(client)
            world.now += timedelta(seconds=10)

    with pytest.raises(SignInError, match=r"tokens of https://iam.example.com were refused.*the clocks"):
        ask_for_long()
    assert cloud.made <= 5
    asked = len(world.requests)
    with pytest.raises(SignInError, match="were refused"):
        ask(client)
    assert len(world.requests) == asked


@pytest.mark.parametrize(
    "expires_at",
    [
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
    ],
)
@pytest.mark.parametrize("issued_at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", None])
@pytest.mark.fault("clock faults")
def test_no_timestamp_of_iam_overflows(world, expires_at: str, issued_at) -> None:
    """9999-12-31 was an OverflowError, and stopped the loads of all sources."""

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            stamps = {"expires_at": expires_at, "issued_at": issued_at}
            return httpx.Response(201, headers={"X-Subject-Token": "tok"}, json={"token": stamps})
        return world.page(A)

    client = world.client(script, world.PASSWORD)
    assert ask(client).records == (A,)
    assert ask(client).records == (A,)
    assert len(world.requests) == 3


@pytest.mark.fault("clock faults")
def test_iams_clock_may_differ_from_ours(world) -> None:
    """Only the lifetime counts: an end five hours ago on our clock may be an hour ahead on theirs."""

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            return world.iam_token("tok", issued_at=world.START - 6 * HOUR, lifetime=HOUR)
        return world.page(A)

    client = world.client(script, world.PASSWORD)
    ask(client)
    ask(client)
    assert [request.url.host for request in world.requests].count("iam.example.com") == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"token":{"expires_at":"tomorrow"}}', b'{"token":null}', b"\xff"]
)
def test_a_token_that_does_not_say_when_it_ends_is_used(world, body: bytes) -> None:
    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            return httpx.Response(201, headers={"X-Subject-Token": "tok"}, content=body)
        return world.page(A)

    client = world.client(script, world.PASSWORD)
    ask(client)
    ask(client)
    assert len(world.requests) == 3


def test_a_token_refused_during_a_sweep_is_renewed_once(world) -> None:
    cloud = Cloud(world)
    client = world.client(cloud, world.PASSWORD)
    ask(client)
    cloud.good.clear()
    assert ask(client).records == (A,)
    assert cloud.made == 2
    assert world.sleeps == []


@pytest.mark.fault("refused requests")
def test_a_new_token_that_is_refused_ends_it(world) -> None:
    made = []

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            made.append(request)
            return world.iam_token(f"tok-{len(made)}", issued_at=world.now)
        return httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "decrypt token fail"})

    client = world.client(script, world.PASSWORD)
    with pytest.raises(SignInError, match="same cloud and region"):
        ask(client)
    assert len(made) == 2
    with pytest.raises(SignInError):
        ask(client)
    assert len(world.requests) == 4


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.fault("refused requests")
def test_a_wrong_password_is_sent_once_whatever_is_asked(world, status: int) -> None:
    """Accounts are locked after several failures."""
    body = {
        "error": {"code": status, "message": "The username or password is wrong.", "title": "Unauthorized"}
    }
    client = world.client(world.always(status, json=body), world.PASSWORD)
    for _ in range(3):
        with pytest.raises(
            SignInError, match=f"{status}: The username or password is wrong.*check username, password"
        ):
            ask(client)
    assert len(world.requests) == 1


@pytest.mark.fault("refused requests")
def test_many_threads_send_a_wrong_password_once(world) -> None:
    client = world.client(world.always(401), world.PASSWORD)
    errors = in_threads(8, lambda: ask(client))
    assert {type(error) for error in errors} == {SignInError}
    assert len(world.requests) == 1


def test_many_threads_share_one_token_and_one_renewal(world) -> None:
    cloud = Cloud(world)
    client = world.client(cloud, world.PASSWORD)
    assert in_threads(8, lambda: ask(client)) == []
    assert cloud.made == 1
    cloud.good.clear()
    assert in_threads(8, lambda: ask(client)) == []
    assert cloud.made == 2


def test_an_iam_outage_is_retried(world) -> None:
    answers = [
        httpx.Response(503),
        httpx.ReadTimeout("slow"),
        world.iam_token("tok", issued_at=world.now),
        world.page(A),
    ]
    assert ask(world.client(world.in_turn(*answers), world.PASSWORD)).records == (A,)


def test_an_iam_outage_is_reported_and_may_end(world) -> None:
    cloud = Cloud(world)
    back_at = world.START + timedelta(minutes=12)
    client = world.client(
        lambda request: httpx.Response(503) if world.now < back_at else cloud(request), world.PASSWORD
    )
    with pytest.raises(TransientSourceError, match="/v3/auth/tokens was tried"):
        ask(client)
    world.now = back_at
    assert ask(client).records == (A,)


def test_many_threads_wait_for_an_iam_outage_once(world) -> None:
    """Each of them spent ten minutes of its own on it, one after the other."""
    client = world.client(world.always(503), world.PASSWORD)
    errors = in_threads(8, lambda: ask(client))
    assert [type(error) for error in errors] == [TransientSourceError] * 8
    assert world.now <= world.START + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("answer", "error", "expected"),
    [
        (httpx.Response(404), PermanentSourceError, "answered 404"),
        (httpx.Response(403), ForbiddenError, "answered 403"),
        (httpx.Response(201, json={}), PermanentSourceError, "without a token. Check iam_endpoint"),
        (
            httpx.Response(201, headers=[(b"X-Subject-Token", b"t\xe4")]),
            PermanentSourceError,
            "without a token",
        ),
        (httpx.Response(200, text="<html>"), PermanentSourceError, "without a token"),
    ],
)
def test_an_endpoint_that_is_not_iam_is_reported(world, answer, error, expected: str) -> None:
    with pytest.raises(error, match=expected):
        ask(world.client(lambda _: answer, world.PASSWORD))
    assert len(world.requests) == 1


@pytest.mark.parametrize("security_token", [None, "ST-77aa"])
def test_a_signature_is_the_one_that_the_vendor_makes(world, security_token: str | None) -> None:
    secret = SecretStr(security_token) if security_token else None
    keys = KeyCredentials(world.KEYS.access_key, world.KEYS.secret_key, secret)
    ask(world.client(world.in_turn(world.page(A)), keys, endpoint="https://cbr.example.com:8443"))
    (request,) = world.requests
    signed = {"Host": "cbr.example.com:8443", "X-Project-Id": world.PROJECT, "X-Sdk-Date": "20260301T120000Z"}
    if security_token:
        signed["X-Security-Token"] = security_token
    for name, value in signed.items():
        assert request.headers.get_list(name) == [value]
    vendor = Signer(SimpleNamespace(ak="AK-9d3e7b", sk="SK-1c8f2a")).sign(
        SdkRequest(
            method="GET",
            host="cbr.example.com:8443",
            resource_path=request.url.path,
            query_params=list(request.url.params.multi_items()),
            header_params=dict(signed),
            body="",
        )
    )
    assert request.headers["Authorization"] == vendor.header_params["Authorization"]
    assert "X-Auth-Token" not in request.headers


@pytest.mark.fault("refused requests")
def test_keys_that_are_refused_are_used_no_more(world) -> None:
    """They are locked after five failures in a row."""
    answer = {"error_code": "APIGW.0301", "error_msg": "verify aksk signature fail"}
    client = world.client(world.always(401, json=answer), world.KEYS)
    for _ in range(6):
        with pytest.raises(SignInError, match=r"verify aksk signature fail.*check access_key and secret_key"):
            ask(client)
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sun, 01 Mar 2026 11:43:00 GMT", "17 min ahead of the server's"),
        ("Sun, 01 Mar 2026 12:20:00 GMT", "20 min behind the server's"),
    ],
)
@pytest.mark.fault("clock faults")
def test_a_clock_that_is_off_is_reported(world, date: str, expected: str) -> None:
    answer = httpx.Response(401, headers={"Date": date}, json={"error_msg": "signature expired"})
    with pytest.raises(SignInError, match=expected):
        ask(world.client(world.in_turn(answer), world.KEYS))


@pytest.mark.parametrize("date", ["Sun, 01 Mar 2026 12:04:00 GMT", "yesterday"])
@pytest.mark.fault("clock faults")
def test_a_clock_that_is_right_is_not_blamed(world, date: str) -> None:
    with pytest.raises(SignInError) as caught:
        ask(world.client(world.in_turn(httpx.Response(401, headers={"Date": date})), world.KEYS))
    assert "This machine's clock" not in str(caught.value)


def test_each_attempt_has_a_signature_of_its_own(world) -> None:
    ask(
        world.client(
            world.in_turn(httpx.Response(503, headers={"Retry-After": "100"}), world.page(A)), world.KEYS
        )
    )
    dates = [request.headers["X-Sdk-Date"] for request in world.requests]
    assert dates == ["20260301T120000Z", "20260301T120140Z"]


def in_threads(count: int, work) -> list[Exception]:
    errors = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
