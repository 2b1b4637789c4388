"""Writes ``docs/reliability.md`` from what tests proved: ``make reliability``.

Takes the file that ``pytest --proofs FILE`` appended to, and prints the page. No figure on it is
written by hand; ``tests/architecture/test_reliability_page.py`` says what must not be missing.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HEAD = """# What was tried, and what was lost

Written by `make reliability` from what the tests proved in that run; do not edit. Every line is a real load
by the code that `cbr-warehouse load` runs, from the emulator over HTTP, and afterwards a comparison with what
the emulator says it served. The same tests run with `make test`; `--kill-all` tries every step of a load.
"""

DIALECTS = """Each switch of the emulator, as `KEY=VALUE`: a first load, seven hours in which tasks begin,
go on and end, and another load; then every task is compared in 24 columns. `times` are loads."""

BAD_RECORDS = """Five of a kind among 120 good ones, and the kinds of the emulator, `bad_records=KIND`.
Each must be held, or kept in quarantine byte for byte; the good ones must be held."""

KILLED = """A load killed with SIGKILL. What is published must be whole at once; after one quiet load each
table's content must be that of a load that was never killed."""

KINDS = {
    "peer failure": (
        "What other extractors lose",
        "Each failure that was measured with a leading extractor on a mock of this API.",
    ),
    "dialect": ("Dialects", DIALECTS),
    "fault": ("Faults", "Each fault of the emulator while a load runs; `times` is how often it struck."),
    "bad record": ("Bad records", BAD_RECORDS),
    "kill -9": ("Killed", KILLED),
    "disk full": (
        "Disk full",
        "Nothing half written may be left, and what is published must stand; `times` are loads that failed.",
    ),
}
"""The sections, in order: kind of proof, title, explanation."""


@dataclass(frozen=True)
class Proof:
    """One line of the page.

    Attributes:
        what: What was tried.
        times: How often.
        checked: How many were compared afterwards.
        unit: How many of what.
        lost: How many of them were not as they should be.
    """

    what: str
    times: int
    checked: int
    unit: str
    lost: int


def read_proofs(lines: Iterable[str]) -> dict[str, list[Proof]]:
    """Reads proofs by kind, those of the same thing added up, in the order in which they are sorted."""
    found: dict[tuple[str, str, str], Proof] = {}
    for value in map(json.loads, lines):
        place = (value["kind"], value["what"], value["unit"])
        before = found.get(place, Proof(value["what"], 0, 0, value["unit"], 0))
        found[place] = Proof(
            before.what,
            before.times + value["times"],
            before.checked + value["checked"],
            before.unit,
            before.lost + value["lost"],
        )
    unknown = {kind for kind, _, _ in found} - KINDS.keys()
    if unknown:
        raise SystemExit(
            f"{', '.join(sorted(unknown))}: a kind of proof that tools/reliability.py has no section for"
        )
    return {kind: [found[place] for place in sorted(found) if place[0] == kind] for kind in KINDS}


def page(proofs: dict[str, list[Proof]]) -> str:
    """The page."""
    parts = [HEAD]
    for kind, (title, explanation) in KINDS.items():
        rows = [
            f"| {proof.what} | {proof.times:,} | {proof.checked:,} {proof.unit} | {proof.lost:,} |"
            for proof in proofs[kind]
        ]
        table = ["| tried | times | compared | lost |", "|---|--:|--:|--:|", *rows]
        parts.append("\n".join([f"## {title}", "", explanation, "", *table, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as source:
        sys.stdout.write(page(read_proofs(source)))
