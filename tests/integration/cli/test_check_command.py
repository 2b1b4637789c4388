"""``check`` as cron and a CI system run it: from the published warehouse alone."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cbr_warehouse.settings.control_exceptions import CONTROL_NAMES
from support.alert_receivers import receive_http
from support.command_line import Workplace
from support.small_log import SmallLog

EXCEPTION = """
[[exceptions]]
control = "{control}"
reason = "{reason}"
until = {until}
"""


@pytest.fixture
def stored(workplace: Workplace) -> Workplace:
    """A folder with a published warehouse, and nothing else."""
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-01 01:00")
    log.publish(workplace.data / "warehouse.duckdb")
    return workplace


def configured(workplace: Workplace, *exceptions: dict[str, str], thresholds: str = "") -> Workplace:
    """The same with a configuration without sources."""
    told = [
        EXCEPTION.format(**{"reason": "known", "until": "2999-12-31", "control": "rpo_kept"} | one)
        for one in exceptions
    ]
    (workplace.folder / "cbr-warehouse.toml").write_text(thresholds + "".join(told))
    return workplace


def test_a_line_for_each_control_says_who_and_why(stored: Workplace) -> None:
    done = stored.run("check")
    assert (done.status, done.err) == (1, "")
    lines = done.out.splitlines()
    assert [line.split()[-1] for line in lines[:1]] == ["why"]
    assert len(lines) == len(CONTROL_NAMES) + 1
    assert any(
        line.startswith("FAIL") and "1 of 1 resources: disk (newest backup is 215.0 h old" in line
        for line in lines
    )
    assert not (stored.data / ".check-alerts.json").exists()


def test_json_has_the_evidence_and_a_query_that_gives_it_again(stored: Workplace) -> None:
    done = stored.run("check", "--format", "json")
    found = {one["control"]: one for one in json.loads(done.out)}
    assert tuple(found) == CONTROL_NAMES
    rpo = found["rpo_kept"]
    assert (rpo["version"], rpo["result"], rpo["population"], rpo["failing"]) == (2, "fail", 1, 1)
    assert [row["item"] for row in rpo["evidence"]] == ["disk"]
    assert rpo["exceptions"] == []
    assert rpo["window"] == {"from": "2026-02-10T00:00:00.000000Z", "to": "2026-03-10T00:00:00.000000Z"}
    assert rpo["watermark"] == "2026-03-10T00:00:00.000000Z"
    assert rpo["completeness"] == {"days": 29, "complete": 0}
    assert rpo["settings"]["rpo_grace"] == "2h"
    assert "DORA Art. 12(1)(a)" in rpo["clauses"]
    (row,) = json.loads(stored.run("sql", rpo["query"], "--format", "json").out)
    assert (row["result"], row["item"]) == ("fail", "disk")


def test_junit_is_what_a_ci_system_reads(stored: Workplace) -> None:
    done = stored.run("check", "--format", "junit")
    suite = ET.fromstring(done.out.encode())
    assert done.status == 1
    assert [case.get("name") for case in suite.iter("testcase")] == list(CONTROL_NAMES)


def test_only_failing_controls_are_printed_where_asked_for(stored: Workplace) -> None:
    done = stored.run("check", "--failing")
    assert done.status == 1
    assert {line.split()[0] for line in done.out.splitlines()[1:]} == {"FAIL"}
    failing = [line.split()[1] for line in done.out.splitlines()[1:]]
    done = configured(stored, *({"control": name} for name in failing)).run("check", "--failing")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_a_webhook_gets_the_failing_controls_once(stored: Workplace) -> None:
    with receive_http() as receiver:
        (stored.folder / "cbr-warehouse.toml").write_text(f'[alerts]\nwebhook = "{receiver.url}"\n')
        for _ in range(2):
            assert stored.run("check").status == 1
    (alert,) = receiver.posted
    assert "Backed up within RPO: 1 of 1 resources: disk" in alert["text"]
    assert (stored.data / ".check-alerts.json").exists()


def test_exceptions_are_reported_and_one_that_ended_fails(stored: Workplace) -> None:
    failing = [
        one["control"]
        for one in json.loads(stored.run("check", "--format", "json").out)
        if one["result"] == "fail"
    ]
    configured(stored, *({"control": name} for name in failing))
    done = stored.run("check")
    assert done.status == 0, done.out
    assert "1 excepted" in done.out
    configured(stored, *({"control": name} for name in failing[1:]), {"until": "2020-01-01"})
    done = stored.run("check")
    assert done.status == 1
    assert "all of rpo_kept (ended on 2020-01-01: known)" in done.out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reason": " "}, "exceptions[0].reason: gives no reason"),
        (
            {"control": "rpo"},
            "exceptions[0].control: the value is not allowed. Allowed: the name of a control",
        ),
        ({"until": '"next year"'}, "exceptions[0].until: not a date. Allowed: a date such as 2026-12-31"),
    ],
)
def test_an_exception_that_is_not_whole_is_refused(
    stored: Workplace, given: dict[str, str], said: str
) -> None:
    done = configured(stored, given).run("check")
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_other_thresholds_than_those_of_the_warehouse_are_named(stored: Workplace) -> None:
    done = configured(stored, thresholds='[thresholds]\nrto = "1h"\n').run("check")
    assert "published with another value of rto" in done.err


def test_a_warehouse_of_an_earlier_version_asks_for_a_load(stored: Workplace) -> None:
    import duckdb

    with duckdb.connect(str(stored.data / "warehouse.duckdb")) as connection:
        connection.execute("ALTER TABLE analytics.settings DROP COLUMN rto")
    done = stored.run("check")
    assert done.status == 1
    assert "published by another version of cbr-warehouse" in done.err
    assert "'cbr-warehouse load'" in done.err


def test_without_a_warehouse_it_says_so(workplace: Workplace, tmp_path: Path) -> None:
    done = workplace.run("check")
    assert done.status == 1
    assert "There is no warehouse yet" in done.err
