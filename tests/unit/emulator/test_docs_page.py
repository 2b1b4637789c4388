"""docs/emulator.md is generated from the code."""

from pathlib import Path

from cbr_emulator.docs_page import page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "emulator.md").read_text(encoding="utf-8") == page(), (
        "regenerate it: .venv/bin/python -m cbr_emulator.docs_page > docs/emulator.md"
    )
