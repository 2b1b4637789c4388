"""The documents for contributors and users match the tree."""

import re
import runpy
from pathlib import Path

import pytest

from cbr_warehouse.contract.day_reason import DayReason, explain
from cbr_warehouse.contract.day_state import DayState

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "data" / "README.md"]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
IN_TREE = re.compile(r"`((?:pipelines|schemas|tests|docs|tools|benchmarks|notebooks)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
ERRANDS = {
    "Add a column",
    "Add a view",
    "Add an endpoint",
    "Change the retry policy",
    "Store raw elsewhere",
    "Find out why a day is unverified",
}
PATTERNS = {"docs/adr/NNNN-title.md"}
"""Placeholders."""


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_layers_are_those_of_the_import_rules() -> None:
    with_layers = runpy.run_path(str(ROOT / "tools" / "layers.py"))["with_layers"]
    page = text_of(ROOT / "CONTRIBUTING.md")
    assert "<!-- layers -->" in page
    assert with_layers(page) == page, "run make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_that_is_named_exists(document: Path) -> None:
    named = set(IN_TREE.findall(text_of(document))) - PATTERNS
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    broken = []
    for path, anchor in LINK.findall(text_of(document)):
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in headings(target)):
            broken.append(f"{path}#{anchor}")
    assert broken == []


def test_decisions_are_numbered_one_after_another() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    numbers = [int(path.name.partition("-")[0]) for path in decisions]
    assert numbers == list(range(1, len(decisions) + 1))
    wrong = [
        path.name for path, one in zip(decisions, numbers, strict=True) if f"# {one}. " not in text_of(path)
    ]
    assert wrong == []


def test_the_changelog_has_each_heading_once_in_a_version() -> None:
    for version in text_of(ROOT / "CHANGELOG.md").split("\n## ")[1:]:
        titles = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert len(titles) == len(set(titles)), version.splitlines()[0]


def test_operations_has_every_state_and_reason_of_a_day() -> None:
    table = text_of(ROOT / "docs" / "operations.md").split("## States of a day")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| `?([\w ]+?)`? \| .+ \| .+ \|$", table, re.MULTILINE)
    unverified = {(state, reason) for state, reason in rows if state == DayState.UNVERIFIED}
    assert unverified == {
        (DayState.UNVERIFIED.value, reason.value)
        for reason in DayReason
        if reason != DayReason.SOURCE_HAS_MORE
    }
    assert all(explain(*row) for row in unverified)
    assert dict(row for row in rows if row not in unverified) == {
        "complete": "none",
        "open": "none",
        "incomplete": DayReason.SOURCE_HAS_MORE,
        "lost": "the reason before",
    }


def headings(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_each_errand_names_files_to_open() -> None:
    section = text_of(ROOT / "CONTRIBUTING.md").split("## Worked errands")[1].split("\n## ")[0]
    errands = dict(re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL))
    assert errands.keys() == ERRANDS
    assert {title: len(IN_TREE.findall(text)) >= 3 for title, text in errands.items()} == dict.fromkeys(
        ERRANDS, True
    )
