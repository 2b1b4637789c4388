"""The client against the emulator, which shares no code with it: signing in, and reading through faults."""

import json
import time

import pytest
from pydantic import SecretStr

from cbr_warehouse.errors import SignInError
from cbr_warehouse.settings.resolve_credentials import KeyCredentials, PasswordCredentials, TokenCredentials
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.runtime import Runtime, Timeouts


def secret(text: str) -> SecretStr:
    return SecretStr(text)


@pytest.fixture
def url(emulate) -> str:
    return emulate("--tasks", "50", "--days", "3")


def ways(url: str) -> dict:
    return {
        "token": TokenCredentials(secret("demo-token")),
        "password": PasswordCredentials(url, "demo", secret("demo"), "demo"),
        "keys": KeyCredentials(secret("DEMO-AK"), secret("DEMO-SK")),
    }


@pytest.mark.parametrize("way", ["token", "password", "keys"])
def test_each_way_to_sign_in_lists_and_shows(url: str, connect, way: str) -> None:
    client = connect(url, ways(url)[way], Timeouts())
    page = client.list_tasks(TaskQuery(vault_name="nö such + vault/~"), limit=5, offset=0)
    assert (page.records, page.count) == ((), 0)
    page = client.list_tasks(TaskQuery(), limit=5, offset=0)
    assert len(page.records) == 5
    assert page.count is not None
    assert page.count >= 50
    shown = client.show_task(json.loads(page.records[0])["id"])
    assert json.loads(shown.records[0]) == json.loads(page.records[0])
    assert client.show_task("00000000-0000-4000-8000-000000000000").status == 404


@pytest.mark.parametrize(
    "credentials",
    [
        TokenCredentials(secret("wrong-token")),
        KeyCredentials(secret("DEMO-AK"), secret("wrong-key")),
        KeyCredentials(secret("wrong-key"), secret("DEMO-SK")),
    ],
)
def test_wrong_credentials_are_reported_after_one_request(url: str, connect, credentials) -> None:
    client = connect(url, credentials, Timeouts())
    with pytest.raises(SignInError, match="answered 401") as caught:
        client.list_tasks(TaskQuery(), limit=5, offset=0)
    assert "wrong-" not in str(caught.value)
    assert client.requests_made == 1


def test_a_wrong_password_is_reported_after_one_request(url: str, connect) -> None:
    client = connect(url, PasswordCredentials(url, "demo", secret("wrong"), "demo"), Timeouts())
    with pytest.raises(SignInError, match=r"answered 401.*check username, password, domain"):
        client.list_tasks(TaskQuery(), limit=5, offset=0)
    assert client.requests_made == 1


def test_every_task_comes_home_through_faults(emulate, connect) -> None:
    """Throttled, garbled and broken off at once: slower, but the same records."""
    estate = ("--tasks", "300", "--days", "2", "--seed", "5", "--now", "2026-03-01T12:00:00Z", "--freeze")
    faults = ("throttle=0.1", "retry_after=0", "gateway=0.05", "truncate=0.1", "corrupt=0.1")
    calm = connect(emulate(*estate), ways("")["token"], Timeouts())
    wild = connect(
        emulate(*estate, *(word for fault in faults for word in ("--fault", fault))),
        ways("")["token"],
        Timeouts(),
        runtime=Runtime(sleep=lambda seconds: time.sleep(seconds / 50)),
    )
    records = {}
    for client in (calm, wild):
        records[client] = []
        while page := client.list_tasks(TaskQuery(), limit=25, offset=len(records[client])).records:
            records[client] += page
    assert len(records[calm]) >= 300
    assert records[wild] == records[calm]
    assert wild.requests_made > calm.requests_made
