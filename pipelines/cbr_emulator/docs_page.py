"""Generates ``docs/emulator.md`` and the list of keys in ``--help`` from the option descriptions.

Run ``python -m cbr_emulator.docs_page > docs/emulator.md``.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.resources import files

from cbr_emulator.dialect.late_and_edited import EPISODES
from cbr_emulator.dialect.options import OPTIONS
from cbr_emulator.faults.bad_records import KINDS
from cbr_emulator.faults.options import FAULTS

EXPECTED = {
    "quarantine": "must be quarantined",
    "hold": "must be stored unchanged",
    "either": "may be stored or quarantined",
}


def keys() -> dict[str, list[str]]:
    """All keys of ``--dialect`` and ``--fault`` with their values, the default first, grouped by heading."""
    dialects = [one.usage() for group in OPTIONS.values() for one in group]
    faults = [f"{name}={form}" for name, (form, _) in FAULTS.items() if name != "bad_records"]
    return {
        "Keys of --dialect, the default first:": dialects,
        "Keys of --fault (REQUESTS are numbers: @3,7,10-20,90-):": [*faults, "bad_records=RATE|KIND"],
        "Kinds of bad records:": list(KINDS),
    }


def page() -> str:
    """The page as Markdown."""
    parts = (files("cbr_emulator") / "docs_page.md").read_text(encoding="utf-8").split("<!-- table -->\n")
    options = [
        f"### {title}\n\n" + _table(("option", "values", "meaning"), _option_rows(title)) for title in OPTIONS
    ]
    faults = [(f"`{name}`", _code(form), meaning) for name, (form, meaning) in FAULTS.items()]
    kinds = [(f"`{name}`", one.meaning, EXPECTED[one.expect]) for name, one in KINDS.items()]
    episodes = [(f"`{name}`", meaning) for name, meaning in EPISODES.items()]
    tables = [
        "\n".join(options),
        _table(("fault", "values", "meaning"), faults),
        _table(("kind", "meaning", "expected of a reader"), kinds),
        _table(("kind", "event, time span, tasks, subject"), episodes),
        "",
    ]
    return "".join(part + table for part, table in zip(parts, tables, strict=True))


def _option_rows(title: str) -> Iterable[Sequence[str]]:
    for one in OPTIONS[title]:
        yield f"`{one.name}`", ", ".join(map(_code, one.values)) or _code(one.form), one.meaning


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
