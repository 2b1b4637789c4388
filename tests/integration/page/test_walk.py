"""Every page of a demo is walked, and every figure on it computed again: by the SQL shown beside it, and from
the view that it names."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pytest

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.page.app import PAGES
from cbr_warehouse.page.columns import exact
from cbr_warehouse.page.guard import HEADERS
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.reading_statement import require_reading
from support.local_page import Element, ask, links_of, read_html, served_page

EACH = 3
"""Pages that are visited of those that differ in values only."""

COUNTED = {"protection", "failing", "days", "coverage_gaps", "unprotected_now"}
"""Sections whose figures are counts over a view; each has a test of its own below."""

VERDICTS = ("failed", "unknown", "skipped", "pending")
"""Verdicts that are counted in words in the calendar of vaults."""

OUTCOME_OF = {"rescued": "protected", "part": "protected"}
"""Verdicts of the outcomes that are a kind of another."""


@dataclass(frozen=True)
class Visited:
    """A page that was visited."""

    address: str
    page: Element


@dataclass
class Estate:
    """All visited pages, and the warehouse that they show."""

    pages: list[Visited]
    connection: duckdb.DuckDBPyConnection

    def __post_init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def rows(self, sql: str) -> list[dict[str, Any]]:
        if sql not in self._rows:
            require_reading(self.connection, sql)
            cursor = self.connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            self._rows[sql] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self._rows[sql]

    def columns(self, view: str) -> set[str]:
        return {column[0] for column in self.connection.execute(f"FROM {view} LIMIT 0").description or []}

    def sections(self, name: str = "*") -> list[Element]:
        return [one for visited in self.pages for one in visited.page.find("section", data_query=name)]


@pytest.fixture(scope="module")
def estate(small_demo: Path) -> Iterator[Estate]:
    published = small_demo / "warehouse.duckdb"
    with served_page(published) as url, open_published(published) as connection:
        yield Estate(walk(url), connection)


def walk(url: str) -> list[Visited]:
    """Follows the links of each page; of those that differ in values only, the first few."""
    waiting, seen, visits = deque(["/", "/?by=vaults", "/?nights=28"]), set(), Counter[str]()
    found = []
    while waiting:
        address = waiting.popleft()
        place = urlsplit(address)
        names = sorted({name for name, _ in parse_qsl(place.query)})
        kind = f"{place.path}?{names}"
        if address in seen or visits[kind] == EACH or not place.path.startswith("/"):
            continue
        seen.add(address)
        visits[kind] += 1
        answer = ask(url, address)
        assert answer.status == 200, (address, answer.text)
        assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = read_html(answer.text)
        found.append(Visited(address, page))
        waiting.extend(links_of(page))
    return found


def statement_of(section: Element) -> str:
    (pre,) = [pre for details in section.find("details") for pre in details.find("pre")]
    return pre.text


def shown_rows(section: Element) -> list[list[Element]]:
    lines = section.find("tr") + section.find("dl", class_="values")
    return [cells for cells in (line.find(data_column="*") for line in lines) if cells]


def value_of(cell: Element) -> str | None:
    return cell.attributes.get("data-value")


def visible(value: Any) -> str | None:
    text = exact(value)
    return None if text is None else escape_invisible(text, keep_line_breaks=True)


def test_every_kind_of_page_is_walked(estate: Estate) -> None:
    paths = {urlsplit(visited.address).path for visited in estate.pages}
    assert set(PAGES) <= paths
    assert "/definitions/analytics.unresolved_failures" in paths
    assert len(estate.sections()) > 50


def test_every_page_is_whole(estate: Estate) -> None:
    for visited in estate.pages:
        page = visited.page
        assert len(page.find("h1")) == 1, visited.address
        ids = [one.attributes["id"] for one in page.find(id="*")]
        assert len(ids) == len(set(ids)), visited.address
        assert page.find("script") == []
        assert page.find(style="*") == []
        assert all(urlsplit(link).netloc == "" for link in links_of(page)), visited.address
        assert page.find("a")[0].attributes["href"] == "#content"


def test_pages_of_several_sections_begin_with_links_to_them(estate: Estate) -> None:
    """On a phone, fifty cards of a first table would hide that there is a second."""
    found = 0
    for visited in estate.pages:
        for within in visited.page.find("nav", class_="within"):
            targets = [f"#{one.attributes['id']}" for one in visited.page.find("h2", id="*")]
            assert links_of(within) == targets
            assert len(targets) > 1
            found += urlsplit(visited.address).path in {"/unprotected", "/causes", "/resource", "/coverage"}
    assert found >= 4


def test_every_figure_is_that_of_the_sql_beside_it(estate: Estate) -> None:
    compared = 0
    for section in estate.sections():
        rows = estate.rows(statement_of(section))
        lines = shown_rows(section)
        assert len(lines) == len(rows) == int(section.attributes["data-rows"])
        for line, row in zip(lines, rows, strict=True):
            for cell in line:
                value = row[cell.attributes["data-column"]]
                assert value_of(cell) == visible(value), (section.attributes["id"], row)
                assert agrees(cell.text, value), (cell.text, value)
                compared += 1
        if rows and "total" in rows[0]:
            totals = [total.text for total in section.find("span", class_="total")]
            assert set(totals) <= {f"{rows[0]['total']:,}"}
            assert totals or rows[0]["total"] == len(rows) or f" of {rows[0]['total']:,}." in section.text
    assert compared > 5000


def agrees(text: str, value: Any) -> bool:
    """Whether a shown text is a value, rounded as its unit says."""
    if value is None or value in ("", []):
        return text == "–"
    if isinstance(value, bool):
        return text == ("yes" if value else "no")
    if isinstance(value, int):
        return text.replace(",", "") == str(value)
    if isinstance(value, float):
        number, unit = re.sub(",", "", text).split(" ", 1)
        if unit == "%":
            return abs(float(number) - 100 * value) <= 0.0051
        if unit == "h":
            return abs(float(number) - value) <= 0.051
        parts = dict(reversed(part.split(" ")) for part in re.findall(r"\d+ (?:h|min|s)", text))
        shown = sum(int(parts.get(name, 0)) * length for name, length in (("h", 3600), ("min", 60), ("s", 1)))
        return abs(shown - value) <= (60 if "h" in parts else 1)
    if isinstance(value, datetime):
        return text.startswith(f"{value:%Y-%m-%d %H:%M}")
    if isinstance(value, date):
        return text == value.isoformat()
    if isinstance(value, list):
        return text == ", ".join(map(str, value))
    return text == escape_invisible(value) or (text[-1] == "…" and value.startswith(text[:-1]))


def test_every_row_is_a_row_of_the_view_it_names(estate: Estate) -> None:
    """Not only of the statement, which could be wrong together with the page."""
    for section in estate.sections():
        name = section.attributes["data-query"]
        lines = shown_rows(section)
        if name in COUNTED or not lines:
            continue
        shown = {cell.attributes["data-column"] for cell in lines[0]}
        views = [link.text for link in section.find("a", class_="view")]
        of_view = {view: shown & estate.columns(view) for view in views}
        whole = [view for view in views if of_view[view] == shown]
        assert whole or set().union(*of_view.values()) == shown, name
        checked: set[str] = set()
        for view in whole[:1] or views:
            own = of_view[view] - checked
            columns = sorted(own | (of_view[view] & {"source", "resource_id"}))
            checked |= own
            rows = {tuple(visible(row[column]) for column in columns) for row in estate.rows(f"FROM {view}")}
            for line in lines:
                values = {cell.attributes["data-column"]: value_of(cell) for cell in line}
                # Where a query joins two views, the second may have no row.
                if view == views[0] or whole or any(values[column] is not None for column in own):
                    assert tuple(values[column] for column in columns) in rows, (view, name)


def test_the_calendar_of_resources_is_that_of_the_view(estate: Estate) -> None:
    tables = [one for visited in estate.pages for one in visited.page.find("table", data_query="*")]
    rows = {
        (row["source"], row["resource_id"], row["backup_day"].isoformat()): row
        for row in estate.rows("FROM analytics.resource_day")
    }
    cells = 0
    for table in tables:
        if table.attributes["data-query"] != "calendar_resources":
            continue
        for line in table.find("tbody")[0].find("tr"):
            key = dict(parse_qsl(urlsplit(links_of(line)[0]).query))
            for cell in line.find("td"):
                row = rows.get((key["source"], key["id"], cell.attributes["data-day"]))
                outcome = cell.attributes["class"]
                assert (row is None) == (outcome == "none")
                if row is not None:
                    assert OUTCOME_OF.get(outcome, outcome) == row["verdict"]
                    assert (outcome == "rescued") == row["is_rescued"]
                    assert cell.attributes["data-attempts"] == str(row["attempts"])
                    assert f"{row['attempts']} attempt" in cell.text
                    cells += 1
    assert cells > 500


def test_what_is_said_of_a_row_of_the_calendar_is_that_of_the_views(estate: Estate) -> None:
    strikes = {
        (row["source"], row["resource_id"]): row["strikes"]
        for row in estate.rows("FROM analytics.unresolved_failures")
    }
    days = estate.rows("FROM analytics.resource_day")
    said = 0
    for table in [one for visited in estate.pages for one in visited.page.find("table", data_query="*")]:
        shown = {cell.attributes["data-day"] for cell in table.find("td")}
        for line in table.find("tbody")[0].find("tr"):
            key = dict(parse_qsl(urlsplit(links_of(line)[0]).query))
            (detail,) = line.find("th")[0].find("span", class_="soft")
            numbers = [int(one) for one in re.findall(r"(\d+) (?:failed|of)", detail.text.replace(",", ""))]
            if table.attributes["data-query"] == "calendar_resources":
                failed = strikes.get((key["source"], key["id"]))
                assert numbers == ([failed] if failed else []), detail.text
            elif "vault" in key:
                of_vault = [
                    row["verdict"]
                    for row in days
                    if (row["source"], row["vault_id"]) == (key["source"], key["vault"])
                    and row["backup_day"].isoformat() in shown
                ]
                assert detail.text.startswith(f"{of_vault.count('failed'):,} of {len(of_vault):,} failed")
                for cell in line.find("td"):
                    counts = {name: int(cell.attributes.get(f"data-{name}", 0)) for name in VERDICTS}
                    written = re.findall(r"\d+", cell.find("span", aria_hidden="true")[0].text)
                    assert written in ([], [str(counts.get(cell.attributes["class"]))])
                    assert all(f"{n} {name}" in cell.text for name, n in counts.items() if n)
            said += 1
    assert said > 50


def test_the_calendar_of_vaults_adds_up_to_the_nights(estate: Estate) -> None:
    (page, *_) = [one.page for one in estate.pages if one.address == "/?by=vaults"]
    (table,) = page.find("table", data_query="calendar_vaults")
    assert page.find("a", rel="next") == []
    sums: Counter[tuple[str, str]] = Counter()
    for cell in table.find("td"):
        for count in ("windows", "protected", "failed", "skipped", "pending"):
            sums[cell.attributes["data-day"], count] += int(cell.attributes.get(f"data-{count}", 0))
    daily = {row["backup_day"].isoformat(): row for row in estate.rows("FROM analytics.backup_success_daily")}
    assert sums
    for (day, count), number in sums.items():
        assert number == daily[day][count] if day in daily else number == 0


def test_the_figures_are_those_of_the_views(estate: Estate) -> None:
    (page, *_) = [one.page for one in estate.pages if one.address == "/"]

    def figure(section: str, column: str) -> str | None:
        (found,) = page.find("section", data_query=section)
        (cell,) = found.find(data_column=column)
        return value_of(cell)

    (protection,) = estate.rows(
        "SELECT sum(resources) AS resources, sum(within_rpo) AS within_rpo,"
        " sum(never + none_left) AS without_backup,"
        " sum(within_2x_rpo + within_7d + older_than_7d) AS past_rpo FROM analytics.protection_coverage"
    )
    (failing,) = estate.rows(
        "SELECT (SELECT count(*) FROM analytics.unresolved_failures) AS failing,"
        " (SELECT count(*) FROM analytics.consecutive_failures) AS repeatedly,"
        " (SELECT count(*) FROM analytics.unresolved_failures WHERE NOT ever_ok) AS never_ok,"
        " (SELECT max(age_hours) FROM analytics.unresolved_failures) AS longest_hours"
    )
    (days,) = estate.rows(
        "SELECT count(*) FILTER (state = 'complete') AS complete, count(*) FILTER (state = 'lost') AS lost,"
        " count(*) FILTER (state = 'incomplete') AS incomplete,"
        " count(*) FILTER (state = 'unverified') AS unverified FROM main.coverage"
    )
    (unprotected,) = estate.rows(
        "SELECT count(*) AS unprotected, count(*) FILTER (vault_id IS NULL) AS in_no_vault,"
        " count(vault_id) AS enrolled, max(days) AS longest_days FROM analytics.unprotected_resources"
    )
    assert unprotected["in_no_vault"] > 0
    figures = (("protection", protection), ("failing", failing), ("days", days))
    for section, row in (*figures, ("unprotected_now", unprotected)):
        for column, value in row.items():
            assert figure(section, column) == exact(value), (section, column)


def test_from_a_failed_night_to_the_exact_record(small_demo: Path) -> None:
    """The way of a person: the first red cell, its attempt, its task, the record as received."""
    with served_page(small_demo / "warehouse.duckdb") as url:
        page = read_html(ask(url).text)
        (cell, *_) = page.find("td", class_="failed")
        night = read_html(ask(url, links_of(cell)[0]).text)
        (task_link, *_) = [link for link in links_of(night) if link.startswith("/task?")]
        key = dict(parse_qsl(urlsplit(task_link).query))
        task = read_html(ask(url, task_link).text)
        record_links = [link for link in links_of(task) if link.startswith("/record?")]
        records = [ask(url, link) for link in record_links]
        shown = [pre.text for pre in task.find("pre", class_="record")]
    with open_published(small_demo / "warehouse.duckdb") as connection:
        texts = connection.execute(
            "SELECT record_text FROM task_versions WHERE source = $source AND task_id = $id "
            "ORDER BY version DESC",
            {"source": key["source"], "id": key["id"]},
        ).fetchall()
    assert texts
    assert [one.body.decode() for one in records] == [text for (text,) in texts] == shown
    assert {one.headers["content-type"] for one in records} == {"application/json"}
