"""Whatever a server says, in headers or body, the client gives a page or one of its own errors."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cbr_warehouse.errors import SourceError
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import Credentials, PasswordCredentials, TokenCredentials
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.http_messages import parse_http_date
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.runtime import Runtime
from support.scripted_transport import ScriptedTransport

pytestmark = pytest.mark.fault("hostile responses")

SOURCE = SourceSettings.model_validate(
    {"name": "prod", "endpoint": "https://cbr.example.com", "project_id": "a" * 32, "token": "env:X"}
)
CREDENTIALS = [
    TokenCredentials(SecretStr("tok-5f7a1c")),
    PasswordCredentials("https://iam.example.com", "reader", SecretStr("pw-93"), "acme"),
]

# Values at the edges of what Python can reckon, beside arbitrary ones.
ZONES = ["GMT", "+0000", "-1200", "+1400", "+2359", "-9999", "+99999999999", "-0001", "XYZ", ""]
YEARS = ["0", "1", "0001", "1970", "2026", "9999", "10000", "99999999999999999999"]
MONTHS = ["Jan", "Feb", "Dec", "Foo"]
DAYS = ["00", "01", "29", "31", "32", "9" * 30]
TIMES = ["00:00:00", "23:59:59", "24:00:00", "23:59:60", "1:1", "x", "9" * 5000, ":::"]
http_dates = st.builds(
    lambda day, month, year, time, zone: f"Thu, {day} {month} {year} {time} {zone}",
    *map(st.sampled_from, (DAYS, MONTHS, YEARS, TIMES, ZONES)),
)
iso_dates = st.builds(
    lambda year, rest, zone: f"{year}-{rest}{zone}",
    st.sampled_from(["0001", "1969", "2026", "9999", "10000"]),
    st.sampled_from(["01-01T00:00:00", "12-31T23:59:59.999999", "12-31T24:00:00", "02-30T00:00", "W53-7"]),
    st.sampled_from(["", "Z", "+23:59", "-23:59", "+24:00", "+00:00:00.000001"]),
)
numbers = st.sampled_from(
    [
        "0",
        "-1",
        "7",
        "1e400",
        "-1e400",
        "nan",
        "inf",
        "1_0",
        "9" * 400,
        "9" * 5000,
        "٣",
        "0x1",
        "1e308",
        "1e-308",
    ]
)
header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
header_values = st.one_of(http_dates, iso_dates, numbers, header_text)
header_names = st.sampled_from(
    [
        "Date",
        "Retry-After",
        "X-Subject-Token",
        "X-Request-Id",
        "Location",
        "Content-Type",
        "Content-Encoding",
        "Content-Length",
        "Transfer-Encoding",
        "Set-Cookie",
        "WWW-Authenticate",
    ]
)
headers = st.lists(st.tuples(header_names, header_values), max_size=5)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    http_dates,
    iso_dates,
)
keys = st.sampled_from(
    [
        *("operation_logs", "operation_log", "count", "id", "token", "expires_at", "issued_at"),
        *("error", "error_code", "error_msg", "code", "message", "request_id"),
    ]
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
# As JSON allows and Python does not like: long numbers, deep nesting, lone surrogates, repeated keys.
odd_bodies = st.sampled_from(
    [
        b'{"operation_logs":[],"count":' + b"9" * 5000 + b"}",
        b'{"error_code":' + b"9" * 5000 + b"}",
        b'{"error_code":1e999,"error_msg":-1e999}',
        b'{"operation_logs":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"operation_logs":[{"id":"\\ud800"}],"count":0}',
        b'{"count":1,"count":null,"operation_logs":null,"operation_logs":[]}',
        b'{"operation_logs":null,"count":0}',
        b'{"token":{"expires_at":' + b"9" * 5000 + b"}}",
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"<title>" * 3000,
        b"<script" * 2800,
    ]
)
bodies = st.one_of(
    documents.map(lambda document: json.dumps(document).encode()),
    documents.map(lambda document: json.dumps(document).encode()[:-1]),
    st.binary(max_size=40),
    odd_bodies,
)
statuses = st.sampled_from(
    [200, 200, 200, 201, 204, 301, 302, 400, 401, 403, 404, 407, 418, 429, 500, 503, 599]
)
responses = st.tuples(statuses, headers, bodies)


def respond(status: int, given_headers: list[tuple[str, str]], body: bytes) -> httpx.Response:
    encoded = [(name.encode(), value.encode("utf-8")) for name, value in given_headers]
    return httpx.Response(status, headers=encoded, stream=httpx.ByteStream(body))


def outcome_of(ask: Callable[[], Page]) -> int | str:
    """The status of the page, or the sentence of the error; any other exception fails the test."""
    try:
        return ask().status
    except SourceError as error:
        return str(error)


def outcomes_of(
    handle: Callable[[httpx.Request], httpx.Response], credentials: Credentials
) -> list[int | str]:
    """What a list, another one ten minutes later, and a task bring."""
    now = [datetime(2026, 3, 1, 12, tzinfo=UTC)]

    def sleep(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    def monotonic() -> float:
        return now[0].timestamp()

    runtime = Runtime(lambda: now[0], sleep, monotonic, Random(7))
    with CbrClient(SOURCE, credentials, runtime, transport=ScriptedTransport(handle)) as client:
        first = outcome_of(lambda: client.list_tasks(TaskQuery(), limit=5, offset=0))
        sleep(600)
        second = outcome_of(lambda: client.list_tasks(TaskQuery(), limit=5, offset=5))
        return [first, second, outcome_of(lambda: client.show_task("t"))]


@given(st.lists(responses, min_size=1, max_size=4), st.sampled_from(CREDENTIALS))
def test_only_errors_of_the_source_leave_the_client(script, credentials) -> None:
    answered = [0]

    def handle(_: httpx.Request) -> httpx.Response:
        answered[0] += 1
        return respond(*script[answered[0] % len(script)])

    for outcome in outcomes_of(handle, credentials):
        assert outcome in {200, 404} or (str(outcome).startswith("Source prod") and len(str(outcome)) < 2500)
    assert answered[0] < 300


@given(st.one_of(iso_dates, scalars), st.one_of(iso_dates, scalars), st.one_of(http_dates, st.none()))
def test_whatever_iam_says_of_a_tokens_life_the_token_is_used(expires_at, issued_at, date) -> None:
    """One `expires_at` of 9999-12-31 was an OverflowError, and stopped every source's load."""
    sign_ins = [0]

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cbr.example.com":
            return httpx.Response(200, content=b'{"operation_logs":[],"operation_log":{},"count":0}')
        sign_ins[0] += 1
        headers = {"X-Subject-Token": "tok"} | ({} if date is None else {"Date": date})
        return httpx.Response(
            201, headers=headers, json={"token": {"expires_at": expires_at, "issued_at": issued_at}}
        )

    assert outcomes_of(handle, CREDENTIALS[1]) == [200, 200, 200]
    assert sign_ins[0] <= 2


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", YEARS)
def test_a_date_at_an_edge_of_the_calendar_is_an_instant_or_none(year: str, zone: str) -> None:
    """31 December 9999 west of Greenwich was an OverflowError."""
    for day, month, time in itertools.product(DAYS, MONTHS, TIMES):
        instant = parse_http_date(f"Thu, {day} {month} {year} {time} {zone}")
        assert instant is None or instant.utcoffset() == timedelta(0)


@given(st.one_of(http_dates, header_values))
def test_a_date_of_a_header_is_an_instant_or_none(text: str) -> None:
    instant = parse_http_date(text)
    assert instant is None or instant.utcoffset() == timedelta(0)
