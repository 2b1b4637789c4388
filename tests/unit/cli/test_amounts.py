"""Numbers in sentences: one of a thing is in the singular."""

import re
from pathlib import Path

import pytest

from cbr_warehouse import cli
from cbr_warehouse.amounts import amount

NUMBERED = re.compile(
    r"\{(?![A-Z_]+:)[^{}]*(?::,|len\([^{}]*\))\} (?:[a-z]\w* )?(?:days|tasks|records|requests|files|rows"
    r"|sources|projects|ledgers|leftovers|repeats|findings|snapshots|controls|objects|queries)\b"
)
"""A number before a plural in a text. A constant, which is in capitals, is never one."""


@pytest.mark.parametrize(
    ("number", "plural", "text"),
    [
        (0, "days", "0 days"),
        (1, "days", "1 day"),
        (1, "queries", "1 query"),
        (1, "raw files", "1 raw file"),
        (2, "queries", "2 queries"),
        (12_345, "tasks", "12,345 tasks"),
    ],
)
def test_one_is_in_the_singular(number: int, plural: str, text: str) -> None:
    assert amount(number, plural) == text


def test_commands_write_no_number_before_a_plural_themselves() -> None:
    found = {
        f"{path.name}: {match}"
        for path in Path(cli.__path__[0]).glob("*.py")
        for match in NUMBERED.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()
