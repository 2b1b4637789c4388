"""Writes the results of ``make mutate`` to ``docs/mutation.md``, below its mark.

The results are in ``.venv/mutation/``, one file a package; why a mutant survives is said by
``tools/mutation_survivors.toml``.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

ROOMS = ("extract", "raw", "tables", "load", "warehouse")
RESULTS = Path(".venv/mutation")
PAGE = Path("docs/mutation.md")
MARK = "<!-- results -->"
TABLE = (
    "| package | tried | noticed | of them by a time limit | survived | noticed |",
    "|---|--:|--:|--:|--:|--:|",
)
REASONS = Path("tools/mutation_survivors.toml")
NOTICED = {"killed", "timeout", "segfault", "suspicious"}
"""What mutmut calls the end of a test run that did not succeed: a failure, a hang, a crash."""


def page() -> str:
    """The page with the results of the last runs below its mark."""
    reasons = {
        (one["function"], one["change"]): one["reason"]
        for one in tomllib.loads(REASONS.read_text(encoding="utf-8")).get("survivor", ())
    }
    rows, sections = [], []
    for room in ROOMS:
        results = RESULTS / f"{room}.json"
        if not results.exists():
            rows.append(f"| {room} | not run | | | | |")
            continue
        found = json.loads(results.read_text(encoding="utf-8"))
        counts: dict[str, int] = found["counts"]
        survived = len(found["survivors"])
        noticed = sum(number for status, number in counts.items() if status in NOTICED)
        tried = survived + noticed
        share = f"{noticed / tried:.1%}"
        tests = " ".join(f"`{path}`" for path in found["tests"])
        name = f"{room} (what {tests} execute, with these alone)" if tests else room
        rows.append(f"| {name} | {tried} | {noticed} | {counts.get('timeout', 0)} | {survived} | {share} |")
        if survived:
            sections += ["", f"## Survivors in {room}", "", "| function | change | reason |", "|---|---|---|"]
        for survivor in found["survivors"]:
            function, change = readable(survivor)
            reason = reasons.get((function, change), "not examined")
            sections.append(f"| `{function}` | `{change.replace('|', '¦')}` | {reason} |")
    text = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return text + "\n".join([MARK, "", *TABLE, *rows, *sections, ""])


def readable(survivor: dict[str, Any]) -> tuple[str, str]:
    """A mutant's function and its changed line, as they are named in the list of reasons."""
    function = survivor["mutant"].partition("__mutmut_")[0].removeprefix("cbr_warehouse.")
    function = function.replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")
    added = [line[1:].strip() for line in survivor["change"] if line.startswith("+")]
    return function, " ".join(added) or "(removed) " + " ".join(one[1:].strip() for one in survivor["change"])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
