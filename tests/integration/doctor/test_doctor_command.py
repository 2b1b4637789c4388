"""``cbr-warehouse doctor`` as a user runs it: what it prints, its exit status, and that it writes nothing."""

import json
from typing import Any

import pytest

from support.command_line import Workplace
from support.emulator_server import Emulated


@pytest.fixture
def clinic(workplace: Workplace, telling: Emulated) -> Workplace:
    workplace.configure(telling.url)
    return workplace


def test_a_healthy_source_is_reported_with_evidence_and_nothing_is_written(clinic: Workplace) -> None:
    before = sorted(clinic.folder.rglob("*"))
    done = clinic.run("doctor")
    assert done.status == 0, done.err
    assert "prod: all well" in done.out
    assert "order: created_at descending" in done.out
    assert "limit=1001&offset=0" in done.out
    assert "requests made; an examination asks at most" in done.out
    assert sorted(clinic.folder.rglob("*")) == before


def test_json_has_checks_findings_and_evidence(clinic: Workplace) -> None:
    done = clinic.run("doctor", "--json", "--source", "prod")
    assert done.status == 0, done.err
    (found,) = json.loads(done.out)
    assert found["source"] == "prod"
    assert found["is_well"] is True
    assert {check["state"] for check in found["checks"]} == {"ok"}
    verdicts = {one["behaviour"]: one["verdict"] for one in found["findings"]}
    assert verdicts["count"] == "all"
    evidence = [pair for one in found["findings"] for pair in one["evidence"]]
    assert all(pair["asked"] and pair["came"] for pair in evidence)


@pytest.mark.parametrize(
    ("keys", "environ", "said"),
    [
        ({}, {"CBR_TOKEN": "wrong-token"}, "failed    sign-in"),
        ({"project_id": "f" * 32}, {}, "failed    permission cbr:tasks:list"),
        ({"endpoint": "http://127.0.0.1:9"}, {}, "failed    reach"),
    ],
    ids=["token", "project", "endpoint"],
)
def test_a_failed_check_is_a_sentence_and_status_1(
    workplace: Workplace, telling: Emulated, keys: dict[str, Any], environ: dict[str, str], said: str
) -> None:
    workplace.configure(**({"endpoint": telling.url} | keys))
    done = workplace.run("doctor", **environ)
    assert done.status == 1
    assert said in done.out
    assert f"because {said.removeprefix('failed').strip()} failed" in done.out
    assert "Check" in done.out or "Put a new one" in done.out or "give their user" in done.out
    assert "wrong-token" not in done.out + done.err


def test_a_bad_configuration_is_status_2(workplace: Workplace) -> None:
    workplace.configure("http://127.0.0.1:9", token="in-clear")
    done = workplace.run("doctor")
    assert done.status == 2
    assert "token" in done.err
    assert "in-clear" not in done.out + done.err
