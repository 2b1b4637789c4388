"""Hostile names, codes and vaults: shown, escaped once, never run, and never the end of a report."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.report.build import Report, make_report
from cbr_warehouse.report.formatting import abbreviate
from cbr_warehouse.report.options import Language, ReportOptions
from cbr_warehouse.report.plots import plot_causes
from cbr_warehouse.report.texts import read_texts
from support.small_log import SmallLog

pytestmark = pytest.mark.fault("hostile text")

HOSTILE = {
    "markup": "R&D <prod> \"x\" 'y'",
    "end of script": "</script></svg></style>-->",
    "title of a terminal": "\x1b]0;owned\x07v",
    "colours": "\x1b[2J\x1b[1;32mOK",
    "carriage return": "Win\rVault",
    "lines": "a\nb\tc",
    "C1 controls": "a\x85b\x9bc",
    "all C0 controls": "".join(map(chr, range(1, 32))) + "\x7f",
    "right to left": "invoice\u202etxt.exe",
    "isolates": "\u2066a\u2069\u200f\u200b",
    "line separators": "a\u2028b\u2029c",
    "no characters": "a\ufffeb\uffffc",
    "private use": "a\ue000b",
    "long": "n" * 5000,
    "long without a space, escaped": "\x1b" * 3000,
    "template": "{{ 7 * 7 }}{% raw %}{0}{n}",
    "chinese": "生产\u3000数据库",
}


class Page(HTMLParser):
    """Texts, tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.text = "\n".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.texts += [value for name, value in attrs if value and name in {"data-heading", "aria-label"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def log_of(*texts: str) -> SmallLog:
    """A log of resources that fail, each text being the name of one, of its vault, and its error code."""
    log = SmallLog().cover("2026-01-01", "2026-03-08", "2026-03-09")
    for number, text in enumerate(texts):
        names = {"resource_name": text, "vault_name": text, "vault_id": f"vault-{number}"}
        log.backup(f"resource-{number}", "2026-03-02 01:00", **names)
        for hour in (1, 2, 3):
            told = names | {"error_code": text, "error_message": text}
            log.backup(f"resource-{number}", f"2026-03-08 0{hour}:00", status="failed", **told)
    return log


def make(log: SmallLog, folder: Path, language: Language = Language.EN) -> Report:
    warehouse = log.publish(folder / "warehouse.duckdb")
    made_at = datetime(2026, 3, 10, 1, tzinfo=UTC)
    return make_report(warehouse, folder / "made", folder, ReportOptions(language=language), made_at)


@pytest.mark.parametrize("language", list(Language))
def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path, language: Language) -> None:
    """A control character in an error code aborted the process that drew the chart."""
    html = make(log_of(*HOSTILE.values()), tmp_path, language).page.read_text(encoding="utf-8")
    page = Page(html)
    for text in HOSTILE.values():
        # The name and the vault of the resource, the code of its failures, twice.
        assert page.text.count(abbreviate(text)) >= 4, text
    assert not {"script", "iframe", "prod"} & page.tags
    assert not re.search(r"&amp;(?:amp|lt|gt|quot|#\d+);", html)
    assert html.replace("\n", "").replace("\u3000", " ").isprintable()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_a_chart_of_any_code_is_drawn(text: str) -> None:
    rows = [{"backup_day": datetime(2026, 3, 8).date(), "error_code": text, "failures": 3}]  # noqa: DTZ001
    drawn = plot_causes(rows, read_texts(Language.ZH))
    assert drawn
    assert drawn.startswith('<svg class="plot"')


def test_every_character_that_moves_a_cursor_or_a_reader_is_an_escape() -> None:
    shown = escape_invisible("".join(chr(code) for code in range(0x110000)))
    for hidden in (*range(32), *range(0x7F, 0xA0), 0x200E, 0x202E, 0x2028, 0xFEFF, 0xFFFF, 0xD800):
        assert chr(hidden) not in shown
    for kept in "a é生ب\u3000🙂":
        assert kept in shown


def test_only_inline_style_is_allowed_to_the_page(tmp_path: Path) -> None:
    html = make(log_of("any"), tmp_path).page.read_text(encoding="utf-8")
    assert (
        "Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        in html
    )
