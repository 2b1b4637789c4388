"""The running emulator conforms to the OpenAPI description, checked by schemathesis."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from support.command_line import PROJECT
from support.emulator_server import serve

schema = schemathesis.openapi.from_path(Path(__file__).parents[3] / "schemas" / "openapi.yaml")


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve("--tasks", "300", "--days", "5", "--freeze") as url:
        yield url


CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_described(case: schemathesis.Case, base_url: str) -> None:
    headers = {} if case.path.endswith("tokens") else {"X-Auth-Token": "demo-token"}
    case.call_and_validate(base_url=base_url, headers=headers, checks=CHECKS)


@schema.include(method="GET", path_regex="project_id").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_of_the_right_project_is_described(case: schemathesis.Case, base_url: str) -> None:
    case.path_parameters["project_id"] = PROJECT
    case.call_and_validate(base_url=base_url, headers={"X-Auth-Token": "demo-token"}, checks=CHECKS)
