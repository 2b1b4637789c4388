"""The account of the emulator: IAM's lists, tokens by scope, and projects that come and go."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.command_line import PROJECT
from support.emulator_server import emulated


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with (
        emulated(tasks=60, days=3, projects=3) as running,
        httpx.Client(base_url=running.url, trust_env=False, timeout=20) as client,
    ):
        yield client


def token(http: httpx.Client, scope: dict[str, Any], status: int = 201) -> str:
    user = {"name": "demo", "password": "demo", "domain": {"name": "demo"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    answer = http.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
    assert answer.status_code == status, answer.text
    return answer.headers.get("X-Subject-Token", "")


def of_account(http: httpx.Client) -> dict[str, str]:
    return {"X-Auth-Token": token(http, {"domain": {"name": "demo"}})}


def projects(http: httpx.Client) -> dict[str, str]:
    body = http.get("/v3/auth/projects", headers=of_account(http)).json()
    return {project["name"]: project["id"] for project in body["projects"]}


def test_the_account_lists_its_projects_and_one_that_is_in_no_region(http: httpx.Client) -> None:
    found = projects(http)
    assert list(found) == ["eu-de", "eu-nl", "eu-de_team-3", "MOS"]
    assert found["eu-de"] == PROJECT
    assert len(set(found.values())) == 4


def test_the_regions_and_addresses_of_cbr_are_listed(http: httpx.Client) -> None:
    head = of_account(http)
    regions = http.get("/v3/regions", headers=head).json()["regions"]
    assert [region["id"] for region in regions] == ["eu-de", "eu-nl"]
    (service,) = http.get("/v3/services", params={"type": "cbr"}, headers=head).json()["services"]
    wanted = {"service_id": service["id"], "interface": "public"}
    addresses = http.get("/v3/endpoints", params=wanted, headers=head).json()["endpoints"]
    assert {one["region_id"]: one["url"] for one in addresses} == {
        region: f"{str(http.base_url).rstrip('/')}/v3/$(tenant_id)s" for region in ("eu-de", "eu-nl")
    }
    assert http.get("/v3/endpoints", params={"interface": "admin"}, headers=head).json()["endpoints"] == []


@pytest.mark.parametrize("path", ["auth/projects", "regions", "services", "endpoints"])
def test_the_lists_of_iam_need_a_sign_in(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/v3/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)


def test_a_token_is_good_for_the_project_that_it_is_scoped_to(http: httpx.Client) -> None:
    found = projects(http)
    here = {"X-Auth-Token": token(http, {"project": {"id": found["eu-nl"]}})}
    assert http.get(f"/v3/{found['eu-nl']}/operation-logs", headers=here).status_code == 200
    for other, head in (
        ("eu-de", here),
        ("eu-nl", of_account(http)),
        ("eu-nl", {"X-Auth-Token": "demo-token"}),
    ):
        answer = http.get(f"/v3/{found[other]}/operation-logs", headers=head)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "APIGW.0302")
    token(http, {"project": {"name": "eu-de_none"}}, status=401)
    token(http, {"domain": {"name": "another"}}, status=401)


def test_each_project_has_tasks_of_its_own(http: httpx.Client) -> None:
    ids = []
    for project_id in projects(http).values():
        truth = http.get("/__emulator/truth", params={"project_id": project_id}).json()
        assert {task["project_id"] for task in truth["operation_logs"]} == {project_id}
        ids += [task["id"] for task in truth["operation_logs"]]
    assert len(ids) == len(set(ids))
    assert http.get("/__emulator/truth", params={"project_id": "none"}).status_code == 400


def test_a_project_that_is_removed_is_refused_and_comes_back_as_it_was(http: httpx.Client) -> None:
    before = projects(http)
    head = {"X-Auth-Token": token(http, {"project": {"id": before["eu-nl"]}})}
    path = f"/v3/{before['eu-nl']}/operation-logs"
    served = http.get(path, headers=head).json()
    http.post("/__emulator/projects", json={"remove": "eu-nl"}).raise_for_status()
    assert "eu-nl" not in projects(http)
    assert http.get(path, headers=head).status_code == 403
    http.post("/__emulator/projects", json={"add": "eu-nl"}).raise_for_status()
    assert projects(http)["eu-nl"] == before["eu-nl"]
    assert http.get(path, headers=head).json() == served


def test_an_emulator_without_options_has_one_project_in_a_region() -> None:
    with emulated(tasks=20, days=1) as running, httpx.Client(base_url=running.url, trust_env=False) as http:
        assert list(projects(http)) == ["eu-de", "MOS"]
