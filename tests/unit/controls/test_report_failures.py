"""An alert is sent when other controls fail than before, over a real socket, and no other time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cbr_warehouse.controls.catalogue import read_controls
from cbr_warehouse.controls.junit import write_junit
from cbr_warehouse.controls.outcome import Evidence, Outcome, Verdict
from cbr_warehouse.controls.report_failures import report_failures
from cbr_warehouse.errors import StorageError
from cbr_warehouse.settings.alerts import Alerts
from support.alert_receivers import HttpReceiver, receive_http

NOW = datetime(2026, 3, 10, 1, tzinfo=UTC)
HOSTILE = "a\x1b[2J\x00]]><x>&\"'\ud800\ufffe\n\u202e"


def outcome(name: str, verdict: Verdict, why: str = "late") -> Outcome:
    """An outcome of a control with one row of evidence where it fails."""
    control = next(one for one in read_controls() if one.name == name)
    row = Evidence("prod", "id-1", "web-1", fails=True, excepted_for=None, why=why, since=NOW)
    found = (row,) if verdict is Verdict.FAIL else ()
    return Outcome(control, verdict, 3, len(found), 0, 0, NOW, NOW, 29, 29, {}, found, "SELECT 1")


def outcomes(*failing: str) -> list[Outcome]:
    names = ("rpo_kept", "no_strikes", "days_complete")
    return [outcome(name, Verdict.FAIL if name in failing else Verdict.PASS) for name in names]


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with receive_http() as found:
        yield found


def test_an_alert_is_sent_when_the_set_of_failing_controls_changes(
    receiver: HttpReceiver, tmp_path: Path
) -> None:
    settings, memory = Alerts(webhook=receiver.url), tmp_path / "memory.json"
    checks = [
        (0, ()),
        (1, ("rpo_kept",)),
        (2, ("rpo_kept",)),
        (3, ("rpo_kept", "days_complete")),
        (4, ("rpo_kept", "days_complete")),
        (28, ("rpo_kept", "days_complete")),
        (29, ()),
        (30, ()),
    ]
    for hours, failing in checks:
        now = NOW + timedelta(hours=hours)
        assert report_failures(outcomes(*failing), settings, {}, memory, now) == ()
    assert [(one["state"], one["title"]) for one in receiver.posted] == [
        ("failing", "1 control fails: rpo_kept"),
        ("failing", "2 controls fail: rpo_kept, days_complete"),
        ("failing", "2 controls fail: rpo_kept, days_complete"),
        ("recovered", "Recovered: 2 controls fail: rpo_kept, days_complete"),
    ]
    assert "Backed up within RPO: 1 of 3 resources: web-1 (late)" in receiver.posted[0]["text"]
    assert receiver.posted[0]["facts"] == {"rpo_kept": "1"}


def test_what_a_receiver_did_not_take_is_sent_at_the_next_check(
    receiver: HttpReceiver, tmp_path: Path
) -> None:
    settings, memory = Alerts(webhook=receiver.url), tmp_path / "memory.json"
    receiver.status = 503
    assert report_failures(outcomes("rpo_kept"), settings, {}, memory, NOW) == (
        "The webhook did not take an alert: status 503.",
    )
    receiver.status = 204
    assert report_failures(outcomes("rpo_kept"), settings, {}, memory, NOW + timedelta(hours=1)) == ()
    assert [one["state"] for one in receiver.posted] == ["failing"]


def test_without_a_receiver_nothing_is_written(tmp_path: Path) -> None:
    assert report_failures(outcomes("rpo_kept"), Alerts(), {}, tmp_path / "memory.json", NOW) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_memory_that_is_damaged_is_named(receiver: HttpReceiver, tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    memory.write_text("{")
    with pytest.raises(StorageError, match=r"memory\.json: cannot be read"):
        report_failures(outcomes("rpo_kept"), Alerts(webhook=receiver.url), {}, memory, NOW)


def test_junit_is_xml_whatever_a_name_is() -> None:
    failing = outcome("rpo_kept", Verdict.FAIL, why=HOSTILE)
    failing = replace(failing, evidence=(replace(failing.evidence[0], name=HOSTILE, item=HOSTILE),))
    found = [
        failing,
        outcome("no_strikes", Verdict.PASS),
        outcome("offsite_copy", Verdict.NOT_APPLICABLE),
        outcome("days_complete", Verdict.CANNOT_SAY),
    ]
    suite = ET.fromstring(write_junit(found, NOW).encode()).find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
    }
    cases = {case.get("name"): case for case in suite}
    failure = cases["rpo_kept"].find("failure")
    assert failure is not None
    assert failure.text is not None
    assert r"a\x1b[2J\x00]]><x>&" in failure.text
    assert len(failure.text.splitlines()) == 1
    assert [len(cases[name]) for name in ("no_strikes", "offsite_copy", "days_complete")] == [1, 1, 1]
    assert cases["offsite_copy"].find("skipped") is not None
