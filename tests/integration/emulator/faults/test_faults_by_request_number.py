"""Faults at given requests, connection resets, expired tokens and a wrong clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from huaweicloudsdkcbr.v1 import CbrClient, ListOpLogsRequest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from support.command_line import PROJECT

ESTATE = ("--tasks", "60", "--days", "3", "--seed", "3", "--now", "2026-11-20T01:30:00Z", "--freeze")
TOKEN_REQUEST_FIELDS = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "demo", "password": "demo", "domain": {"name": "demo"}}},
        },
        "scope": {"project": {"id": PROJECT}},
    }
}
Answers = Callable[..., Any]


@pytest.fixture
def failing(emulate: Callable[..., str], asker_of: Callable[[str], Any]) -> Answers:
    """Starts an emulator with faults."""
    return lambda *faults: asker_of(
        emulate(*ESTATE, *(word for pair in faults for word in ("--fault", pair)))
    )


def outcome(asker: Any, path: str) -> str:
    """Outcome of one request: its status, and whether its body is readable."""
    try:
        answer = asker.http.get(path)
    except (httpx.ReadError, httpx.RemoteProtocolError):
        return "reset"
    except httpx.ReadTimeout:
        return "stall"
    try:
        answer.json()
    except ValueError:
        return f"{answer.status_code} unreadable"
    return str(answer.status_code)


STRUCK = {
    "throttle": "429",
    "gateway": "502 unreadable",
    "error_500": "500",
    "error_503": "503",
    "reset": "reset",
    "truncate": "200 unreadable",
    "corrupt": "200 unreadable",
}


@pytest.mark.parametrize("kind", STRUCK)
def test_a_fault_is_served_at_the_given_requests(failing: Answers, kind: str) -> None:
    asker = failing(f"{kind}=@2,4-5,8-")
    task_id = asker.truth()["operation_logs"][0]["id"]
    paths = [asker.tasks if number % 2 else f"{asker.tasks}/{task_id}" for number in range(1, 10)]
    found = [outcome(asker, path) for path in paths]
    struck = [2, 4, 5, 8, 9]
    assert found == [STRUCK[kind] if number in struck else "200" for number in range(1, 10)]
    told = asker.truth()
    assert (told["requests"], told["faults"]) == (9, {kind: 5})
    assert told["fault_requests"] == {kind: struck}
    assert told["fault_options"] == [f"{kind}=@2,4-5,8-"]


def test_a_reset_by_rate(failing: Answers) -> None:
    asker = failing("reset=0.5")
    found = [outcome(asker, asker.tasks) for _ in range(30)]
    assert set(found) == {"200", "reset"}
    assert asker.truth()["faults"] == {"reset": found.count("reset")}


def test_a_reset_comes_after_a_part_of_the_body(failing: Answers) -> None:
    asker, sound = failing("reset=1"), failing().answered().content
    received = b""
    with asker.http.stream("GET", asker.tasks) as answer:
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) == len(sound)
        parts = answer.iter_bytes()
        while len(received) < len(sound) // 2:
            received += next(parts)
        with pytest.raises(httpx.ReadError, match="reset"):
            next(parts)
    assert received == sound[: len(sound) // 2]


@pytest.mark.parametrize(("kind", "code"), [("error_500", "APIGW.0601"), ("error_503", "APIGW.0613")])
def test_a_server_error_has_the_gateway_s_body(failing: Answers, kind: str, code: str) -> None:
    asker = failing(f"{kind}=1")
    answer = asker.http.get(asker.tasks)
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (int(kind[-3:]), code)
    assert set(body) == {"error_code", "error_msg", "request_id"}
    assert answer.headers["X-Request-Id"] == body["request_id"]


def test_a_stall_lasts_stall_for(failing: Answers) -> None:
    asker = failing("stall=@1", "stall_for=1s")
    with pytest.raises(httpx.ReadTimeout):
        asker.http.get(asker.tasks, timeout=0.4)
    assert asker.http.get(asker.tasks, timeout=5).status_code == 200
    asker = failing("stall=@1", "stall_for=1s")
    answer = asker.http.get(asker.tasks, timeout=9)
    assert answer.status_code == 200
    assert answer.elapsed > timedelta(seconds=0.9)


def token_of(asker: Any) -> dict[str, str]:
    answer = asker.http.post("/v3/auth/tokens", json=TOKEN_REQUEST_FIELDS)
    ends_at = datetime.fromisoformat(answer.json()["token"]["expires_at"])
    assert ends_at > datetime.now(UTC) + timedelta(hours=23), "IAM does not know that it ends early"
    return {"X-Auth-Token": answer.headers["X-Subject-Token"]}


def statuses(asker: Any, token: dict[str, str], times: int) -> list[int]:
    return [asker.http.get(asker.tasks, headers=token).status_code for _ in range(times)]


@pytest.mark.parametrize(("value", "good"), [("3", 3), ("@4", 3), ("@2-3", 1)])
def test_a_token_ends_in_the_middle_and_a_new_one_goes_on(failing: Answers, value: str, good: int) -> None:
    asker = failing(f"expire_token={value}")
    first = token_of(asker)
    assert statuses(asker, first, 5) == [200] * good + [401] * (5 - good)
    answer = asker.http.get(asker.tasks, headers=first)
    assert answer.json()["error_code"] == "APIGW.0307"
    assert statuses(asker, token_of(asker), 2) == [200, 200]
    assert asker.http.get(asker.tasks).status_code == 200, "the published token stays good"
    assert asker.truth()["faults"] == {"expire_token": 6 - good}


def test_a_token_ends_after_a_span(failing: Answers) -> None:
    asker = failing("expire_token=1s")
    first = token_of(asker)
    assert statuses(asker, first, 1) == [200]
    while (status := statuses(asker, first, 1)[0]) == 200:
        pass
    assert status == 401
    assert statuses(asker, token_of(asker), 1) == [200]


@pytest.mark.parametrize("hours", [5, -5])
def test_skew_affects_date_signatures_and_present(
    failing: Answers, hours: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # the vendor's client leaves a file in the home directory
    skew = timedelta(hours=hours)
    asker, right = failing(f"skew={hours}h"), failing()
    date = parsedate_to_datetime(asker.http.get(asker.tasks).headers["Date"])
    assert abs(date - datetime.now(UTC) - skew) < timedelta(minutes=1)
    told, usual = (datetime.fromisoformat(one.truth()["now"]) for one in (asker, right))
    assert told - usual == skew
    assert (asker.listed()["count"] > right.listed()["count"]) == (hours > 0)
    client = CbrClient.new_builder().with_credentials(BasicCredentials("DEMO-AK", "DEMO-SK", PROJECT))
    with pytest.raises(ClientRequestException) as caught:
        client.with_endpoints([str(asker.http.base_url)]).build().list_op_logs(ListOpLogsRequest())
    assert (caught.value.status_code, caught.value.error_code) == (401, "APIGW.0301")
    assert "signature expired" in caught.value.error_msg


def test_a_clock_a_little_wrong_refuses_no_signature(
    failing: Answers, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    asker = failing("skew=10m")
    client = CbrClient.new_builder().with_credentials(BasicCredentials("DEMO-AK", "DEMO-SK", PROJECT))
    built = client.with_endpoints([str(asker.http.base_url)]).build()
    assert built.list_op_logs(ListOpLogsRequest()).count == asker.truth()["count"]
    date = parsedate_to_datetime(asker.http.get(asker.tasks).headers["Date"])
    assert timedelta(minutes=9) < date - datetime.now(UTC) < timedelta(minutes=11)
