"""IAM's lists: what is requested, and that nothing but a whole list is taken for one."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SignInError, TransientSourceError
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.resolve_credentials import Credentials
from cbr_warehouse.source.account import AccountClient, AccountLists
from support.scripted_transport import ScriptedTransport

PROJECTS = {"projects": [{"id": "a1", "name": "eu-de"}, {"id": "b2", "name": "MOS", "enabled": False}]}
SERVICES = {"services": [{"id": "s1", "type": "cbr"}, {"id": "s2", "type": "iam"}]}


def address(region: str, url: str, **keys: Any) -> dict[str, Any]:
    return {"service_id": "s1", "region_id": region, "region": region, "url": url, "enabled": True} | keys


ENDPOINTS = {
    "endpoints": [
        address("eu-de", "https://cbr.eu-de.example.com/v3/$(tenant_id)s"),
        address("eu-nl", "https://cbr.eu-nl.example.com", enabled=False),
        address("eu-ch2", "https://iam.example.com", service_id="s2"),
    ]
}
ANSWERS = {
    "projects": PROJECTS,
    "services": SERVICES,
    "endpoints": ENDPOINTS,
    "regions": {"regions": [{"id": "eu-de"}]},
}


def read(world, answers: dict[str, Any], credentials: Credentials | None = None, **keys: Any) -> AccountLists:
    def handle(request: httpx.Request) -> httpx.Response:
        world.requests.append(request)
        if request.url.path.endswith("tokens"):
            return world.iam_token(
                "tok-1", issued_at=world.now, lifetime=world.now - world.now.replace(year=2025)
            )
        answer = answers[request.url.path.rpartition("/")[2]]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, content=as_json(answer))

    account = AccountSettings.model_validate(
        {
            "name": "prod",
            "iam_endpoint": "https://iam.example.com",
            "access_key": "env:A",
            "secret_key": "env:S",
        }
        | keys
    )
    client = AccountClient(
        account, credentials or world.KEYS, world.runtime, transport=ScriptedTransport(handle)
    )
    with client:
        return client.read_lists()


def as_json(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def test_projects_and_addresses_are_read(world) -> None:
    lists = read(world, ANSWERS)
    assert [(one.id, one.name, one.enabled) for one in lists.projects] == [
        ("a1", "eu-de", True),
        ("b2", "MOS", False),
    ]
    assert lists.endpoints == {"eu-de": "https://cbr.eu-de.example.com"}
    assert [str(request.url.copy_with(query=None)) for request in world.requests] == [
        f"https://iam.example.com/v3/{path}" for path in ("auth/projects", "services", "endpoints")
    ]
    assert dict(world.requests[2].url.params) == {"service_id": "s1", "interface": "public"}
    assert {request.headers.get("X-Project-Id") for request in world.requests} == {None}


def test_a_password_gets_one_token_that_is_scoped_to_the_account(world) -> None:
    read(world, ANSWERS, world.PASSWORD)
    token, *lists = world.requests
    assert json.loads(token.content)["auth"]["scope"] == {"domain": {"name": "acme"}}
    assert {request.headers["X-Auth-Token"] for request in lists} == {"tok-1"}


def test_a_configured_endpoint_is_taken_in_every_region(world) -> None:
    lists = read(world, ANSWERS, endpoint="https://cbr.{region}.proxy.example")
    assert lists.endpoints == {"eu-de": "https://cbr.eu-de.proxy.example"}
    assert [request.url.path for request in world.requests] == ["/v3/auth/projects", "/v3/regions"]


@pytest.mark.fault("vanished projects")
@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            httpx.Response(401, json={"error": {"code": 401, "message": "no"}}),
            SignInError,
            "The keys are refused",
        ),
        (httpx.Response(403, json={}), ForbiddenError, "Check iam_endpoint of the account"),
        (httpx.Response(404), PermanentSourceError, "answered 404"),
        (httpx.Response(503), TransientSourceError, "answered 503"),
        (b"<html>sign in</html>", PermanentSourceError, "no list of projects"),
        ({}, PermanentSourceError, "no list of projects"),
        ({"projects": None}, PermanentSourceError, "no list of projects"),
        ({"projects": [{"id": 5, "name": "eu-de"}]}, PermanentSourceError, "no list of projects"),
        (
            {"projects": [], "links": {"next": "https://iam.example.com/v3/auth/projects?page=2"}},
            PermanentSourceError,
            "a page of its list",
        ),
    ],
)
def test_anything_but_a_whole_list_is_an_error(world, answer: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        read(world, ANSWERS | {"projects": answer})
    assert str(caught.value).startswith("Account prod")
    assert sum(world.sleeps) <= 60


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers["services"].update(services=[]),
        lambda answers: answers["endpoints"].update(endpoints=[]),
        lambda answers: answers["endpoints"].update(
            endpoints=[address("eu-de", "http://cbr.example.com/v3")]
        ),
        lambda answers: answers["endpoints"].update(
            endpoints=[address("eu-de", "https://u:p@cbr.example.com")]
        ),
    ],
)
def test_addresses_that_are_missing_or_less_safe_than_iams_are_refused(
    world, change: Callable[[dict[str, Any]], None]
) -> None:
    """Credentials would have been sent without encryption to wherever a list said."""
    answers = json.loads(json.dumps(ANSWERS))
    change(answers)
    with pytest.raises(PermanentSourceError, match="Set endpoint of the account"):
        read(world, answers)
