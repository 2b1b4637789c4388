"""No secret in a log, an error or a repr, whatever happens and even if a server repeats it."""

import html
import json
import logging
import traceback
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from cbr_warehouse.errors import SettingsError, SourceError
from cbr_warehouse.settings.resolve_credentials import KeyCredentials, PasswordCredentials, TokenCredentials
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.redaction import Redactor

SECRETS = {
    "token": "MIIQxgYJKoZIhvcNAQcCoIIQtzCCELMCAQExDTALBglghkgBZQMEAgEwgg7XBgkqhkiG9w0BBwGggg7IBIIOxH",
    "password": 'p&ss "wörd" <1>/+%',
    "access_key": "HPUAKX4S9DWCQRPTG1ZZ",
    "secret_key": "b3nXcVq0d/8YtRkz+uWm5JfLhE2oPaS7gTiQ6CvN",
    "security_token": "gQ5jbi1ub3J0aC00hlqRzV8L2mXW0t9YcNfKp3sBdEoUuJiAaTvGrDxHwQnZkSbC7F1e6I4y",
    "iam_token": "MIIEnewTokenThatIamMakes0123456789abcdefghijklmnopqrstuvwxyz",
}
PROXY_PASSWORD = "proxy-pw-81f"

WAYS = {
    "token": TokenCredentials(SecretStr(SECRETS["token"])),
    "password": PasswordCredentials(
        "https://iam.example.com", "reader", SecretStr(SECRETS["password"]), "acme"
    ),
    "keys": KeyCredentials(
        SecretStr(SECRETS["access_key"]),
        SecretStr(SECRETS["secret_key"]),
        SecretStr(SECRETS["security_token"]),
    ),
}


def forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], html.escape(secret), repr(secret)[1:-1]}


def echo(request: httpx.Request) -> str:
    """All that a careless server may repeat: first what signs in, since messages are cut short."""
    if "X-Auth-Token" in request.headers:
        own = [request.headers["X-Auth-Token"], SECRETS["password"]]
    elif "Authorization" in request.headers:
        signature = request.headers["Authorization"].rpartition("=")[2]
        own = [signature, SECRETS["access_key"], SECRETS["secret_key"], SECRETS["security_token"]]
    else:
        own = [SECRETS["password"]]
    headers = [f"{name}: {value}" for name, value in request.headers.multi_items()]
    return "\n".join([*own, *headers, request.content.decode()])


def as_text(status: int):
    return lambda request: httpx.Response(
        status, text=echo(request), headers={"X-Request-Id": SECRETS["token"]}
    )


def as_json(status: int):
    return lambda request: httpx.Response(
        status, json={"error_code": SECRETS["token"], "error_msg": echo(request)}
    )


def as_html(status: int):
    return lambda request: httpx.Response(status, html=f"<title>{html.escape(echo(request))}</title>")


def as_location(request: httpx.Request) -> httpx.Response:
    return httpx.Response(
        302, headers={"Location": f"https://u:{SECRETS['token']}@x.example/?{quote(SECRETS['token'])}"}
    )


def raising(kind: type[httpx.HTTPError]):
    def script(request: httpx.Request) -> httpx.Response:
        raise kind(
            f"Illegal header value {request.headers!r} {echo(request)} http://u:{PROXY_PASSWORD}@proxy:3128"
        )

    return script


FAILURES = {
    **{f"text-{status}": as_text(status) for status in (200, 302, 400, 401, 403, 404, 407, 429, 500, 503)},
    **{f"json-{status}": as_json(status) for status in (200, 400, 401, 403, 404, 429, 500, 503)},
    **{f"html-{status}": as_html(status) for status in (200, 400, 401, 403, 404, 429, 502)},
    "location": as_location,
    **{
        kind.__name__: raising(kind)
        for kind in (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.ReadTimeout,
            httpx.ReadError,
            httpx.RemoteProtocolError,
            httpx.LocalProtocolError,
            httpx.UnsupportedProtocol,
            httpx.ProxyError,
            httpx.DecodingError,
        )
    },
}


def everything_shown(world, script, credentials, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that anybody gets to see."""
    caplog.set_level(logging.DEBUG)
    client = world.client(script, credentials)
    seen = [repr(client), repr(vars(client)), repr(credentials)]
    for ask in (lambda: client.list_tasks(TaskQuery(), limit=5, offset=0), lambda: client.show_task("t")):
        try:
            page = ask()
        except SourceError as error:
            seen += [str(error), repr(error), *traceback.format_exception(error)]
        else:
            assert page.status == 404  # an unknown task is an answer
            seen.append(repr(page))
    assert len(seen) > 4
    seen += [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
    return "\n".join(seen)


def assert_no_secret(text: str) -> None:
    found = {name for name, secret in SECRETS.items() if any(form in text for form in forms(secret))}
    assert found == set()
    assert PROXY_PASSWORD not in text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_of_the_api_tells_a_secret(world, caplog, way: str, failure: str) -> None:
    own = {
        "token": ["token"],
        "password": ["password", "iam_token"],
        "keys": ["access_key", "secret_key", "security_token"],
    }

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            return world.iam_token(SECRETS["iam_token"], issued_at=world.now)
        return FAILURES[failure](request)

    said = everything_shown(world, script, WAYS[way], caplog)
    # Only this client's own secrets are known to it; a server that repeats others' is out of scope.
    for name in own[way]:
        assert not [form for form in forms(SECRETS[name]) if form in said], name
    assert PROXY_PASSWORD not in said
    for request in world.requests:
        signature = request.headers.get("Authorization", "Signature=none").rpartition("Signature=")[2]
        assert signature not in said


@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_of_iam_tells_the_password(world, caplog, failure: str) -> None:
    said = everything_shown(world, FAILURES[failure], WAYS["password"], caplog)
    assert not [form for form in forms(SECRETS["password"]) if form in said]


def test_a_token_that_was_renewed_is_still_not_shown(world, caplog) -> None:
    made = []

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.host == "iam.example.com":
            made.append(f"{SECRETS['iam_token']}{len(made)}")
            return world.iam_token(made[-1], issued_at=world.now, lifetime=timedelta(seconds=5))
        return httpx.Response(503, text=" ".join(made))

    said = everything_shown(world, script, WAYS["password"], caplog)
    assert len(made) >= 3
    assert_no_secret(said)


def test_a_secret_that_was_cut_is_known_by_its_beginning() -> None:
    redactor = Redactor([SECRETS["token"]])
    assert redactor.clean(f"token {SECRETS['token'][:40]}... expired") == "token [secret] expired"


def test_text_without_a_secret_is_kept() -> None:
    redactor = Redactor(["hunter2"])
    assert redactor.clean("verify aksk signature fail: hunter22") == "verify aksk signature fail: [secret]2"
    assert redactor.clean("Access denied, token expires") == "Access denied, token expires"


def test_an_empty_secret_hides_nothing() -> None:
    assert Redactor([""]).clean("as it is") == "as it is"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("HTTPS_PROXY", f"ftp://u:{PROXY_PASSWORD}@proxy", "is not the address of a proxy"),
        ("HTTPS_PROXY", f"http://u:{PROXY_PASSWORD}@proxy:port", "is not the address of a proxy"),
        ("ALL_PROXY", f"socks5://u:{PROXY_PASSWORD}@proxy", "needs the package socksio"),
        ("SSL_CERT_FILE", "/gone/ca.pem", "SSL_CERT_FILE"),
    ],
)
def test_an_unusable_proxy_is_reported_without_its_password(
    monkeypatch, variable: str, value: str, expected: str
) -> None:
    from cbr_warehouse.settings.model import SourceSettings
    from cbr_warehouse.source.client import CbrClient

    monkeypatch.setenv(variable, value)
    source = SourceSettings(name="a", endpoint="https://a.example", project_id="p", token="env:T")
    with pytest.raises(SettingsError, match=expected) as caught:
        CbrClient(source, WAYS["token"])
    assert PROXY_PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_unreadable_certificates_are_reported(tmp_path) -> None:
    from cbr_warehouse.settings.model import SourceSettings
    from cbr_warehouse.source.client import CbrClient

    (tmp_path / "ca.pem").write_text("none")
    source = SourceSettings(
        name="a", endpoint="https://a.example", project_id="p", token="env:T", ca_bundle=tmp_path / "ca.pem"
    )
    with pytest.raises(SettingsError, match="contains no certificates that can be read"):
        CbrClient(source, WAYS["token"])
