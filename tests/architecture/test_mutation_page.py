"""docs/mutation.md: nine of ten mutants of each package that was tried are noticed, the others explained."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "mutation.md").read_text(encoding="utf-8")
PACKAGE = re.compile(
    r"^\| (?P<name>[a-z]+)[^|]* \| (?P<tried>\d+) \| (?P<noticed>\d+) \| .* \|$", re.MULTILINE
)
SURVIVOR = re.compile(r"^\| `(?P<function>[^`]+)` \| .+ \| (?P<reason>[^|]+) \|$", re.MULTILINE)


def test_nine_of_ten_mutants_are_noticed() -> None:
    found = {row["name"]: (int(row["noticed"]), int(row["tried"])) for row in PACKAGE.finditer(PAGE)}
    assert {name for name, (noticed, tried) in found.items() if 10 * noticed < 9 * tried} == set()


def test_each_survivor_has_its_reason() -> None:
    unexplained = [row["function"] for row in SURVIVOR.finditer(PAGE) if row["reason"] == "not examined"]
    assert unexplained == [], "Test them, or say in tools/mutation_survivors.toml why no test can."
