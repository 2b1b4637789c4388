"""Outcomes as JUnit XML, which CI systems show: a test case for each control."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.controls.describe import SHOWN, describe
from cbr_warehouse.controls.outcome import Evidence, Outcome, Verdict


def write_junit(outcomes: Sequence[Outcome], now: datetime) -> str:
    """The document; names as received are shown with escapes for what XML does not allow.

    Args:
        outcomes: The outcomes.
        now: The time of the check, UTC.
    """
    failed = sum(one.verdict is Verdict.FAIL for one in outcomes)
    skipped = sum(one.verdict in {Verdict.NOT_APPLICABLE, Verdict.CANNOT_SAY} for one in outcomes)
    counts = {"tests": str(len(outcomes)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    root = ET.Element("testsuites", {"name": "cbr-warehouse", **counts})
    moment = now.strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.SubElement(root, "testsuite", {"name": "controls", **counts, "timestamp": moment})
    for outcome in outcomes:
        _add_case(suite, outcome)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_case(suite: ET.Element, outcome: Outcome) -> None:
    case = ET.SubElement(
        suite, "testcase", {"classname": "cbr_warehouse.controls", "name": outcome.control.name, "time": "0"}
    )
    message = escape_invisible(describe(outcome))
    match outcome.verdict:
        case Verdict.FAIL:
            failure = ET.SubElement(case, "failure", {"message": message, "type": outcome.control.title})
            failure.text = "\n".join(_line(row) for row in outcome.found if row.fails)
        case Verdict.PASS:
            ET.SubElement(case, "system-out").text = message
        case _:
            ET.SubElement(case, "skipped", {"message": f"{SHOWN[outcome.verdict]}: {message}"})


def _line(row: Evidence) -> str:
    since = "" if row.since is None else f", since {row.since:%Y-%m-%d %H:%M} UTC"
    return escape_invisible(f"{row.source}: {row.name} [{row.item}]: {row.why or ''}{since}")
