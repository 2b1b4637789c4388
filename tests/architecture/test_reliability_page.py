"""docs/reliability.md covers every option and fault of the emulator, without a loss, and has the counts."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from cbr_emulator.dialect.options import ALLOWED, OPTIONS
from cbr_emulator.faults.bad_records import KINDS as EMULATED
from cbr_emulator.faults.options import FAULTS
from support.fault_kinds import KINDS as KINDS_OF_FAULT
from support.malformed_records import KINDS

TESTS = Path(__file__).parents[1]
PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
HOW = "Run make reliability."
BY_VALUE = {one.name for group in OPTIONS.values() for one in group if not one.values}
"""Options of the dialect that take a number or a duration."""
PEERS = ("clamped", "expiring", "within a second", "end long after the lookback", "page 55 of 100")
ROW = re.compile(
    r"\| (?P<what>.+) \| (?P<times>[\d,]+) \| (?P<checked>[\d,]+) [a-z ]+ \| (?P<lost>[\d,]+) \|"
)


COUNTS = re.compile(r"\| (?P<kind>.+?) \| (?P<what>.+?) \| (?P<tests>[\d,]+) \| (?P<cases>[\d,]+) \|")


def kinds_marked(node: ast.Module | ast.FunctionDef) -> set[str]:
    """The kinds of fault that a module or a test function is marked with."""
    marks: list[ast.expr] = []
    if isinstance(node, ast.FunctionDef):
        marks = node.decorator_list
    else:
        for one in node.body:
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "pytestmark":
                marks.append(one.value)
    calls = [call for mark in marks for call in ast.walk(mark) if isinstance(call, ast.Call)]
    return {ast.literal_eval(call.args[0]) for call in calls if ast.unparse(call.func) == "pytest.mark.fault"}


def count_marked() -> dict[str, int]:
    """How many test functions there are of each kind of fault."""
    found = dict.fromkeys(KINDS_OF_FAULT, 0)
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if "mark.fault" not in text:
            continue
        module = ast.parse(text)
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for kind in kinds_marked(node) or kinds_marked(module):
                    found[kind] += 1
    return found


def rows(title: str) -> list[re.Match[str]]:
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith("| ") and "tried" not in line]
    return [match for match in map(ROW.fullmatch, found) if match]


def named(title: str) -> set[str]:
    return {word for row in rows(title) for word in row["what"].split()}


@pytest.mark.parametrize(
    "title", ["What other extractors lose", "Dialects", "Faults", "Bad records", "Killed", "Disk full"]
)
def test_each_table_has_rows_and_no_loss(title: str) -> None:
    assert rows(title), HOW
    assert all(row["lost"] == "0" and row["times"] != "0" and row["checked"] != "0" for row in rows(title))


def test_each_option_of_the_dialect_was_tried() -> None:
    options = {f"{key}={value}" for key, values in ALLOWED.items() for value in values}
    tried = {word for word in named("Dialects") if word.partition("=")[0] not in BY_VALUE}
    assert tried == options, HOW
    assert {word.partition("=")[0] for word in named("Dialects") - tried} == BY_VALUE, HOW


def test_each_fault_was_tried() -> None:
    tried = {word.partition("=")[0] for word in named("Faults")}
    assert tried == FAULTS.keys() - {"bad_records"}, HOW


def test_each_kind_of_bad_record_was_tried() -> None:
    emulated = {f"bad_records={kind}" for kind in EMULATED}
    assert {row["what"] for row in rows("Bad records")} == KINDS.keys() | emulated, HOW


def test_each_kind_of_fault_is_counted_and_none_beyond_what_there_is() -> None:
    section = PAGE.split("## Tests by kind of fault\n")[1].split("\n## ")[0]
    counted = {row["kind"]: row for row in COUNTS.finditer(section)}
    assert list(counted) == list(KINDS_OF_FAULT), "Run make docs."
    for kind, there_are in count_marked().items():
        tests, cases = (int(counted[kind][column].replace(",", "")) for column in ("tests", "cases"))
        assert 0 < tests <= there_are, f"{kind}: run make docs"
        assert cases >= tests, f"{kind}: run make docs"


@pytest.mark.parametrize("peer", PEERS)
def test_each_failure_of_a_peer_was_tried(peer: str) -> None:
    assert any(peer in row["what"] for row in rows("What other extractors lose")), HOW


def test_the_coverage_is_not_below_the_floor() -> None:
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    (percent,) = re.findall(r"^`make test` executes ([\d.]+) % of the [\d,]+ statements", PAGE, re.MULTILINE)
    floor = settings["tool"]["coverage"]["report"]["fail_under"]
    assert float(percent) >= floor, "Run COVERAGE=1 make test coverage."
