"""Writes the results of ``make mutate`` to ``docs/mutation.md``, below its mark.

The results are in ``.venv/mutation/``, one file a package; why a mutant survives is said by
``tools/mutation_survivors.toml``. What the page says of a package without results stays as it is.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOMS = ("extract", "raw", "tables", "load", "warehouse")
RESULTS = Path(".venv/mutation")
PAGE = Path("docs/mutation.md")
MARK = "<!-- results -->"
TABLE = (
    "| package | tried | noticed | of them by a time limit | survived | noticed | drawn with | revision |",
    "|---|--:|--:|--:|--:|--:|---|---|",
)
SECTION = "## Survivors in "
REASONS = Path("tools/mutation_survivors.toml")
NOTICED = {"killed", "timeout", "segfault", "suspicious"}
"""What mutmut calls the end of a test run that did not succeed: a failure, a hang, a crash."""


def page() -> str:
    """The page with the results of the last runs below its mark."""
    reasons = {
        (one["function"], one["change"]): one["reason"]
        for one in tomllib.loads(REASONS.read_text(encoding="utf-8")).get("survivor", ())
    }
    text, _, before = PAGE.read_text(encoding="utf-8").partition(MARK)
    rows, sections = [], []
    for room in ROOMS:
        results = RESULTS / f"{room}.json"
        if results.exists():
            found = json.loads(results.read_text(encoding="utf-8"))
            rows.append(row_of(room, found))
            sections += section_of(room, found["survivors"], reasons)
        else:
            rows.append(row_before(room, before))
            sections += section_before(room, before)
    return text + "\n".join([MARK, "", *TABLE, *rows, *sections, ""])


def row_of(room: str, found: dict[str, Any]) -> str:
    """The row of a package with results."""
    counts: dict[str, int] = found["counts"]
    survived = len(found["survivors"])
    noticed = sum(number for status, number in counts.items() if status in NOTICED)
    tests = " ".join(f"`{path}`" for path in found["tests"])
    name = f"{room} (what {tests} execute, with these alone)" if tests else room
    numbers = (survived + noticed, noticed, counts.get("timeout", 0), survived)
    again = ""
    if "again" in found:
        again = f", where {found['survived_at_first']} survived that were tried again at `{found['again']}`"
    return (
        f"| {name} | {' | '.join(map(str, numbers))} | {noticed / (survived + noticed):.1%} "
        f"| `SAMPLE={found['sample']} SEED={found['seed']}` | `{found['revision']}`{again} |"
    )


def section_of(
    room: str, survivors: Sequence[dict[str, Any]], reasons: Mapping[tuple[str, str], str]
) -> list[str]:
    """The lines about the survivors of a package."""
    if not survivors:
        return []
    lines = ["", f"{SECTION}{room}", "", "| function | change | reason |", "|---|---|---|"]
    for survivor in survivors:
        function, change = readable(survivor)
        reason = reasons.get((function, change), "not examined")
        lines.append(f"| `{function}` | `{change.replace('|', '¦')}` | {reason} |")
    return lines


def row_before(room: str, before: str) -> str:
    """The row that the page has of a package."""
    found = (line for line in before.splitlines() if line.startswith((f"| {room} |", f"| {room} (")))
    return next(found, f"| {room} | not run | | | | | | |")


def section_before(room: str, before: str) -> list[str]:
    """The lines that the page has about the survivors of a package."""
    _, heading, rest = f"{before}\n".partition(f"{SECTION}{room}\n")
    own = rest.partition(SECTION)[0].strip()
    return ["", heading.strip(), "", *own.splitlines()] if heading else []


def readable(survivor: dict[str, Any]) -> tuple[str, str]:
    """A mutant's function and its changed line, as they are named in the list of reasons."""
    function = survivor["mutant"].partition("__mutmut_")[0].removeprefix("cbr_warehouse.")
    function = function.replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")
    added = [line[1:].strip() for line in survivor["change"] if line.startswith("+")]
    return function, " ".join(added) or "(removed) " + " ".join(one[1:].strip() for one in survivor["change"])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
