"""Authentication and error responses: bodies and headers as the vendor documents them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from support.command_line import PROJECT, serve

TASKS = f"/v3/{PROJECT}/operation-logs"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """Not signed in."""
    with (
        serve("--tasks", "50", "--days", "3", "--freeze") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=10) as client,
    ):
        yield client


SIGNED_IN = {"X-Auth-Token": "demo-token"}


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """Checks a refusal and gives its text."""
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (status, code)
    assert set(body) == {"error_code", "error_msg", "request_id"}
    assert answer.headers["X-Request-Id"] == body["request_id"]
    return str(body["error_msg"])


def wish(**changes: str) -> dict[str, Any]:
    """A token request."""
    said = {"name": "demo", "password": "demo", "domain": "demo", "project": PROJECT} | changes
    user = {"name": said["name"], "password": said["password"], "domain": {"name": said["domain"]}}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": said["project"]}},
        }
    }


def test_a_token_of_iam_signs_in(http: httpx.Client) -> None:
    tokens = [http.post("/v3/auth/tokens", params={"nocatalog": "true"}, json=wish()) for _ in range(2)]
    for answer in tokens:
        assert answer.status_code == 201
        assert answer.json()["token"]["project"]["id"] == PROJECT
        assert answer.json()["token"]["expires_at"].endswith("Z")
    assert tokens[0].headers["X-Subject-Token"] != tokens[1].headers["X-Subject-Token"]
    for answer in tokens:  # a new token leaves the old one valid
        headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
        assert http.get(TASKS, headers=headers).status_code == 200


@pytest.mark.parametrize("wrong", ["name", "password", "domain", "project"])
def test_iam_refuses_what_it_does_not_know(http: httpx.Client, wrong: str) -> None:
    answer = http.post("/v3/auth/tokens", json=wish(**{wrong: "wrong"}))
    assert answer.status_code == 401
    assert "X-Subject-Token" not in answer.headers
    error = {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}
    assert answer.json() == {"error": error}


@pytest.mark.parametrize("body", [b"no JSON", b"\xff", b"[]", b"{}", b'{"auth": 1}', b"[" * 100_000])
def test_iam_refuses_what_it_cannot_read(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/v3/auth/tokens", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("identity.methods", "password"),
        ("identity.password", None),
        ("identity.password.user.name", None),
        ("identity.password.user.password", 5),
        ("identity.password.user.domain", "demo"),
        ("scope", None),
        ("scope.project", {}),
        ("scope.project.id", 5),
    ],
)
def test_iam_names_what_a_request_lacks(http: httpx.Client, path: str, value: Any) -> None:
    """Some such requests were accepted; others were answered with 'wrong password'."""
    body = wish()
    *way, last = ("auth." + path).split(".")
    part = body
    for key in way:
        part = part[key]
    part[last] = value
    answer = http.post("/v3/auth/tokens", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)
    assert answer.json()["error"]["message"].startswith("auth." + path)


def test_a_token_may_be_scoped_to_a_project_by_its_name(http: httpx.Client) -> None:
    body = wish()
    body["auth"]["scope"]["project"] = {"name": "eu-de"}
    assert http.post("/v3/auth/tokens", json=body).status_code == 201


def test_an_unauthenticated_request_is_refused(http: httpx.Client) -> None:
    for path in (TASKS, f"{TASKS}/any"):
        assert "x-auth-token not found" in refused(http.get(path), 401, "APIGW.0301")
        wrong = {"X-Auth-Token": "wrong"}
        assert "decrypt token fail" in refused(http.get(path, headers=wrong), 401, "APIGW.0301")
        signed = {"Authorization": "SDK-HMAC-SHA256 Access=DEMO-AK, SignedHeaders=host, Signature=0"}
        assert "verify aksk signature fail" in refused(http.get(path, headers=signed), 401, "APIGW.0301")


def test_a_signature_beyond_ascii_is_a_wrong_one(http: httpx.Client) -> None:
    """Comparing it with the right one raised, and the answer was 500."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {
        "X-Sdk-Date": now,
        "Authorization": b"SDK-HMAC-SHA256 Access=DEMO-AK, SignedHeaders=x-sdk-date, Signature=\xe9",
    }
    refused(http.get(TASKS, headers=signed), 401, "APIGW.0301")


def test_another_project_is_forbidden(http: httpx.Client) -> None:
    answer = http.get("/v3/another/operation-logs", headers=SIGNED_IN)
    refused(answer, 403, "APIGW.0302")


def test_unknown_tasks_and_paths_are_not_found(http: httpx.Client) -> None:
    told = refused(http.get(f"{TASKS}/nobody", headers=SIGNED_IN), 404, "BackupService.6500")
    assert told == "Operation log does not exist."
    for path in (f"/v3/{PROJECT}/checkpoints", f"{TASKS}/", f"{TASKS}/any/"):  # a slash more is another path
        refused(http.get(path, headers=SIGNED_IN), 404, "APIGW.0101")


def test_other_methods_are_not_allowed(http: httpx.Client) -> None:
    for method, path in (("POST", TASKS), ("DELETE", f"{TASKS}/any"), ("GET", "/v3/auth/tokens")):
        answer = http.request(method, path, headers=SIGNED_IN)
        refused(answer, 405, "APIGW.0201")
        assert answer.headers["Allow"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "many"),
        ("limit", "1.5"),
        ("limit", ""),
        ("offset", "-1"),
        ("offset", "x"),
        ("start_time", "yesterday"),
        ("end_time", "2026-13-01T00:00:00Z"),
        ("end_time", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(http: httpx.Client, name: str, value: str) -> None:
    answer = http.get(TASKS, params={name: value}, headers=SIGNED_IN)
    assert name in refused(answer, 400, "BackupService.6000")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"advance": "soon"}',
        b'{"advance": "-1h"}',
        b'{"advance": "999999999d"}',
        b"[" * 100_000,
    ],
)
def test_a_clock_is_moved_by_a_span_only(
    http: httpx.Client, asker_of: Callable[[str], Any], body: bytes
) -> None:
    asker = asker_of(str(http.base_url))
    before = asker.truth()["now"]
    answer = http.post("/__emulator/clock", content=body)
    assert answer.status_code == 400
    assert '{"advance": "1h"}' in answer.json()["error_msg"]
    assert asker.truth()["now"] == before
