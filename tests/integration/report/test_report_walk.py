"""Every section of a report is walked, and every number on it computed again by the SQL shown beside it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pytest

from cbr_warehouse.report.build import make_report
from cbr_warehouse.report.options import Language, ReportOptions
from cbr_warehouse.report.period_name import parse_period
from cbr_warehouse.report.texts import read_texts
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.reading_statement import require_reading
from support.drawn_plot import DrawnPlot, read_plots
from support.local_page import Element, read_html

pytestmark = pytest.mark.fault("answers of the report")

Row = dict[str, Any]
TEXTS = {language: read_texts(language) for language in Language}

DERIVED = {
    "incidents": {"incident"},
    "worst": {"failed", "recovery"},
    "causes": {"text", "advice"},
    "findings": {"finding", "found", "share_of", "watch", "act", "grade"},
    "completeness": {"what_to_do"},
}
"""Columns of tables that no query has: made of others, or words. Those with numbers are checked below."""


@dataclass
class Walked:
    """A page without its plots, the warehouse that it is of, and its HTML and manifest."""

    page: Element
    connection: duckdb.DuckDBPyConnection
    language: Language
    html: str
    data: dict[str, Any]

    def rows(self, element: Element) -> list[Row]:
        """What the SQL shown in an element returns."""
        (pre,) = element.find("pre")
        require_reading(self.connection, pre.text)
        cursor = self.connection.execute(pre.text)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def plots(self, name: str) -> dict[str, DrawnPlot]:
        """The plots of a section, by their size."""
        (text,) = re.findall(rf'<section aria-labelledby="{name}".*?</section>', self.html, re.DOTALL)
        return read_plots(text)

    def section(self, name: str) -> Element:
        (found,) = self.page.find("section", aria_labelledby=name)
        return found


@pytest.fixture(scope="module", params=[("week", "en"), ("month", "zh")], ids="-".join)
def walked(
    request: pytest.FixtureRequest, small_demo: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Walked]:
    period, language = request.param
    folder = tmp_path_factory.mktemp("walked")
    options = ReportOptions(parse_period(period), Language(language), audit=True)
    published = small_demo / "warehouse.duckdb"
    made = make_report(published, folder / "made", folder, options, datetime.now(UTC))
    html = made.page.read_text(encoding="utf-8")
    page = read_html(re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL))
    manifest = json.loads(made.manifest.read_text(encoding="utf-8"))
    with open_published(published) as connection:
        yield Walked(page, connection, Language(language), html, manifest)


def agrees(text: str, value: Any, words: dict[str, str]) -> bool:
    """Whether a shown text is a value, rounded as its unit says."""
    if value is None:
        return text == "–"
    if isinstance(value, datetime):
        return text.startswith(f"{value.astimezone(UTC):%Y-%m-%d %H:%M}")
    if isinstance(value, date):
        return text == value.isoformat()
    if isinstance(value, str):
        short = value.removeprefix("BackupService.")
        return text in {value, short, words.get(value)} or text.startswith((f"{value} (", value[:79]))
    number, _, unit = text.replace(",", "").partition(" ")
    if unit == "%":
        return abs(float(number) - 100 * float(value)) <= 0.0101
    return abs(float(number) - float(value)) <= (0.051 if unit == "h" else 0)


def test_every_section_has_its_query_and_it_runs(walked: Walked) -> None:
    names = [
        section.attributes["aria-labelledby"] for section in walked.page.find("section", aria_labelledby="*")
    ]
    assert len(names) > 13
    for name in set(names) - {"figures", "audit"}:
        assert walked.rows(walked.section(name)) is not None
    assert len(walked.section("figures").find("pre")) == len(walked.page.find("li", class_="figure")) == 7


def test_every_key_figure_is_that_of_its_query(walked: Walked) -> None:
    for figure in walked.page.find("li", class_="figure"):
        (row,) = walked.rows(figure)
        (value,) = figure.find("p", class_="value")
        assert agrees(value.text, row["value"] if row["denominator"] else None, {}), value.text
        parts = figure.find("p", class_="soft")[0].text.split(" ")[: 3 if "%" in value.text else 1]
        shown = [int(part.replace(",", "")) for part in parts if part != "/"]
        assert shown == [round(row[name]) for name in ("numerator", "denominator")[-len(shown) :]]


def test_every_cell_is_that_of_its_query(walked: Walked) -> None:
    headings, words = (TEXTS[walked.language].section(name) for name in ("column", "value"))
    compared = 0
    for table in walked.page.find("table", id="*"):
        name = table.attributes["id"].removeprefix("table-")
        derived = {headings[column] for column in DERIVED.get(name, ())}
        left = walked.rows(walked.section(name))
        columns = {headings[column]: column for column in left[0] if column in headings}
        for line in table.find("tbody")[0].find("tr"):
            cells = {cell.attributes["data-heading"]: cell.text for cell in line.find("td")}
            assert cells.keys() <= derived | columns.keys()
            known = {columns[heading]: text for heading, text in cells.items() if heading not in derived}
            matching = [
                row for row in left if all(agrees(text, row[column], words) for column, text in known.items())
            ]
            assert matching, (name, cells)
            left.remove(matching[0])
            compared += len(known)
        if name != "findings":  # of which some rows are only sentences of the verdict
            assert left == []
    assert compared > 60


def test_findings_and_failures_have_the_numbers_of_their_queries(walked: Walked) -> None:
    (success,) = walked.rows(walked.page.find("li", class_="figure")[0])
    failed = (success["denominator"] - success["numerator"], success["denominator"])
    counted = {(row["n"], row["total"]) for row in walked.rows(walked.section("findings"))} | {failed}
    heading = TEXTS[walked.language]("column", "found")
    for cell in walked.section("findings").find("td", data_heading=heading):
        n, total = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+", cell.text))
        assert (n, total) in counted, cell.text
    worst = walked.section("worst")
    heading = TEXTS[walked.language]("column", "failed")
    shown = [cell.text for cell in worst.find("td", data_heading=heading)]
    assert [[int(number) for number in re.findall(r"\d+", text)] for text in shown] == [
        [row["failures"], row["attempts"]] for row in walked.rows(worst)
    ]


def test_the_problems_and_changes_have_the_numbers_of_their_queries(walked: Walked) -> None:
    matters = walked.section("matters")
    (problems,) = matters.find("ol")
    for one, row in zip_longest(problems.find("li"), walked.rows(matters)):
        numbers = re.findall(r"[\d,]+(?:\.\d+)?", one.text)
        assert f"{row['unprotected_hours']:,.1f}" in numbers
        if row["resources"] > 1:
            assert f"{row['resources']:,}" in numbers
    changes = walked.section("changes")
    totals: dict[str, int] = {}
    for row in walked.rows(changes):
        totals[row["kind"]] = totals.get(row["kind"], 0) + row["n"]
    said = [re.sub(r"[（(].*", "", one.text) for one in changes.find("ul", class_="changes")[0].find("li")]
    assert sorted(int(re.findall(r"\d+", text.replace(",", ""))[0]) for text in said) == sorted(
        totals.values()
    )


def test_the_verdict_has_the_numbers_of_its_queries(walked: Walked) -> None:
    (verdict,) = [one for one in walked.page.find("div") if one.attributes["class"].startswith("verdict")]
    (success,) = walked.rows(walked.page.find("li", class_="figure")[0])
    numbers = {number.rstrip(",") for number in re.findall(r"[\d,]+", verdict.find("ul")[0].text)}
    assert {f"{success['numerator']:,}", f"{success['denominator']:,}"} <= numbers
    *before, now = walked.rows(verdict)
    known = [row["final_success_rate"] for row in before if row["is_covered"] and row["final_success_rate"]]
    compared = verdict.find("p")[1].text
    if known:
        assert f"{100 * now['final_success_rate']:.2f}" in compared
    if len(known) > 1:
        assert str(sum(rate < now["final_success_rate"] for rate in known)) in compared


def by_place(values: list[tuple[float, float]]) -> list[list[float]]:
    """Values drawn at one place, smallest first, from left to right."""
    places = sorted({round(x, 1) for x, _ in values})
    return [sorted(value for x, value in values if round(x, 1) == place) for place in places]


def by_day(rows: list[Row], *columns: str) -> list[list[float]]:
    """Values of a backup day, smallest first, day by day; days with none but missing ones are left out."""
    days = sorted({row["backup_day"] for row in rows})
    found = [
        sorted(
            row[one] for row in rows if row["backup_day"] == day for one in columns if row[one] is not None
        )
        for day in days
    ]
    return [values for values in found if values]


def flat(groups: list[list[float]]) -> list[float]:
    return [value for group in groups for value in group]


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_every_plot_is_drawn_from_its_query(walked: Walked, size: str) -> None:
    """Read back from the drawing: the points, bars and squares, by the labels of their own axis."""
    rates = by_day(walked.rows(walked.section("trend")), "final_success_rate", "first_attempt_success_rate")
    drawn = by_place(walked.plots("trend")[size].points())
    assert [len(day) for day in drawn] == [len(day) for day in rates]
    assert flat(drawn) == pytest.approx(flat(rates), abs=0.001)
    for name, column in (("causes_daily", "failures"), ("unprotected_daily", "unprotected_hours")):
        values = [row for row in walked.rows(walked.section(name)) if row[column]]
        drawn = by_place([(x, value) for x, value in walked.plots(name)[size].bars() if value])
        wanted = by_day(values, column)
        assert [len(day) for day in drawn] == [len(day) for day in wanted], name
        assert flat(drawn) == pytest.approx(flat(wanted), rel=0.01, abs=max(flat(wanted)) / 500), name
    shares = [row["share"] for row in walked.rows(walked.section("offsite_curve"))]
    heights = walked.plots("offsite_curve")[size].heights()
    assert sorted({round(one, 3) for one in heights}) == pytest.approx(
        sorted({0.0} | {round(one, 3) for one in shares}), abs=0.003
    )


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_every_square_of_the_calendar_has_the_colour_of_its_day(walked: Walked, size: str) -> None:
    """Four colours: within the error budget, up to twice, up to five times, and more than that."""
    rows = walked.rows(walked.section("calendar_map"))
    target = float(walked.data["settings"]["success_target"])
    squares = walked.plots("calendar_map")[size].squares()
    assert [int(text.split(" ")[0]) for _, text in squares] == [row["backup_day"].day for row in rows]
    used: dict[int, set[str]] = {}
    for (colour, _), row in zip(squares, rows, strict=True):
        missed = (1 - row["final_success_rate"]) / (1 - target)
        used.setdefault(sum(missed > limit + 1e-6 for limit in (1, 2, 5)), set()).add(colour)
    assert all(len(colours) == 1 for colours in used.values())
    assert len(set.union(*used.values())) == len(used) > 1


def test_every_figure_is_compared_as_the_manifest_says(walked: Walked) -> None:
    """With the period before, and with the median of the earlier ones where there are several."""
    texts = TEXTS[walked.language]
    by_name = {texts(name, "name"): found for name, found in walked.data["figures"].items()}
    for shown in walked.page.find("li", class_="figure"):
        (value, unit, *lines) = [one.text for one in shown.find("p")]
        earlier = by_name.pop(shown.find("h3")[0].text)["earlier"]
        assert unit
        if earlier[-1] is None:
            assert lines[0] == texts("figure", "no_delta")
        else:
            assert shown_as(value, earlier[-1]) in lines[0]
        known = [one for one in earlier if one is not None]
        assert len(lines) == 1 + (len(known) > 1)
        if len(known) > 1:
            assert shown_as(value, median(known)) in lines[1]
    assert by_name == {}


def shown_as(like: str, value: float) -> str:
    """A value written as another one of its kind."""
    if "%" in like:
        return f"{100 * value:.2f}"
    return f"{value:,.1f}" if " h" in like else f"{value:,.0f}"
