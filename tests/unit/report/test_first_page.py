"""The first page: a grade that a large estate can keep, the problems by name, better or worse than before."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.build import make_report
from cbr_warehouse.report.collect_data import ReportData, collect_data
from cbr_warehouse.report.comparison import compare
from cbr_warehouse.report.digest import digest_text, make_digest
from cbr_warehouse.report.findings import Finding, Grade
from cbr_warehouse.report.key_figures import compute_figures
from cbr_warehouse.report.options import WHOLE, Language, ReportOptions, Scope
from cbr_warehouse.report.period_name import parse_period
from cbr_warehouse.report.queries import read_question
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.texts import read_texts
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("answers of the report")

ENGLISH, CHINESE = read_texts(Language.EN), read_texts(Language.ZH)
FULL = "BackupService.6114"


def estate() -> SmallLog:
    """Forty resources: vault "full" is full since the 5th, and "quiet" has not run since the 1st."""
    log = SmallLog().cover("2026-01-01", "2026-03-08", "2026-03-09")
    for number in range(40):
        vault = "full" if number < 5 else "quiet" if number < 6 else f"vault-{number % 4}"
        names = {"vault_id": vault, "vault_name": f"the {vault}", "resource_name": f"server-{number}"}
        moment = at("2026-02-01 01:00") + timedelta(minutes=number)
        days = 28 if vault == "quiet" else 32 if vault == "full" else 37
        tasks = log.daily(f"id-{number}", moment, days, **names)
        if number % 2:
            log.copy(tasks[-1], moment + timedelta(days=days - 1, hours=5), **names)
        if vault == "full":
            failing = {"status": "failed", "error_code": FULL}
            log.daily(f"id-{number}", moment + timedelta(days=32), 5, **names | failing)
    return log


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return estate().publish(tmp_path_factory.mktemp("first-page") / "warehouse.duckdb")


@pytest.fixture(scope="module")
def week(warehouse: Path) -> ReportData:
    with open_warehouse(warehouse) as opened:
        return collect_data(opened, parse_period("week"), ENGLISH)


@pytest.mark.parametrize(
    ("n", "total", "grade"),
    [
        (0, 0, Grade.FINE),
        (1, 10, Grade.ACT),
        (1, 100, Grade.WATCH),
        (1, 15000, Grade.FINE),
        (74, 15000, Grade.FINE),
        (75, 15000, Grade.WATCH),
        (299, 15000, Grade.WATCH),
        (300, 15000, Grade.ACT),
    ],
)
def test_a_share_is_graded_and_not_a_number(n: int, total: int, grade: Grade) -> None:
    """One resource with three failures made the report of any estate red."""
    assert Finding("unprotected", n, total, 0.005, 0.02).grade is grade
    assert Finding("partial", n, total, 0.005, None).grade is min(grade, Grade.WATCH)


def test_one_that_fails_among_many_is_named_and_is_no_alarm(tmp_path: Path) -> None:
    log = SmallLog().cover("2026-01-01", "2026-03-08", "2026-03-09")
    for number in range(250):
        log.daily(f"id-{number}", "2026-03-05 01:00", 1 if number == 7 else 5)
    log.daily("id-7", "2026-03-06 01:00", 4, status="failed", error_code=FULL, resource_name="the one")
    with open_warehouse(log.publish(tmp_path / "warehouse.duckdb")) as opened:
        data = collect_data(opened, parse_period("day"), ENGLISH)
    assert data.figures["strikes"].value == 1
    assert data.verdict.level == "fine"
    assert [row["named"] for row in data.results["matters"].rows] == [["the one"]]


def test_the_problems_say_since_when_why_what_to_do_and_whom_they_hit(week: ReportData) -> None:
    rows = week.results["matters"].rows
    assert [(row["vault_id"], row["cause"], row["resources"]) for row in rows] == [
        ("full", FULL, 5),
        ("quiet", "(not attempted)", 1),
    ]
    html = render_page(week, ENGLISH, "0")
    problems = html.split('<ol class="problems">')[1].split("</ol>")[0]
    for said in (
        "5 resources in vault the full",
        "Failing since 2026-03-05 01:00 UTC; failures in a row, at most: 5.",
        "The used capacity of the vault exceeds the maximum capacity.",
        "Expand the vault, or shorten the retention",
        "server-5 (vault the quiet)",
        "No new backup since 2026-02-28 01:05 UTC.",
        "No backup was attempted.",
        "2 more",
    ):
        assert said in problems, said
    assert week.verdict.level == "act"


def test_the_first_sentence_says_what_made_the_report_red(week: ReportData) -> None:
    """ "Too many backups fail" was said of an estate that kept its target, but had unprotected resources."""
    acting = [one.name for one in week.verdict.findings if one.grade is Grade.ACT]
    assert "unprotected" in acting
    reasons = ", ".join(ENGLISH("act", name) for name in acting)
    assert week.verdict.sentences[0] == f"Act today: {reasons}."
    assert "too many resources are without a recent backup" in reasons
    limited = {one.name for one in week.verdict.findings if one.act is not None}
    assert all(texts("act", name) for texts in (ENGLISH, CHINESE) for name in limited)


def test_every_link_of_the_page_leads_somewhere(week: ReportData) -> None:
    for texts in (ENGLISH, CHINESE):
        html = render_page(week, texts, "0")
        links = re.findall(r'href="#([^"]+)"', html)
        ids = re.findall(r' id="([^"]+)"', html)
        assert len(links) > 10
        assert set(links) <= set(ids)
        assert len(ids) == len(set(ids))


def test_what_failed_and_is_well_again_says_since_when(tmp_path: Path) -> None:
    log = SmallLog().cover("2026-01-01", "2026-03-08", "2026-03-09")
    log.daily("a", "2026-02-01 01:00", 32)
    log.daily("a", "2026-03-05 01:00", 3, status="failed", error_code=FULL)
    log.daily("a", "2026-03-08 01:00", 2)
    with open_warehouse(log.publish(tmp_path / "warehouse.duckdb")) as opened:
        data = collect_data(opened, parse_period("week"), ENGLISH)
    (row,) = data.results["worst"].rows
    assert row["recovered_at"] == at("2026-03-08 01:10")
    assert not data.results["matters"].rows
    assert ">2026-03-08 01:10 UTC</td>" in render_page(data, ENGLISH, "0")


def rates(*values: float | None) -> list[dict[str, object]]:
    return [{"final_success_rate": value, "is_covered": value is not None} for value in values]


def test_better_or_worse_is_said_of_what_is_shown() -> None:
    assert compare(rates(0.9, 0.95), (), ENGLISH).mood == "better"
    assert compare(rates(0.95, 0.9), (), ENGLISH).mood == "worse"
    assert compare(rates(0.9, 0.900001), (), ENGLISH).mood == "same"
    assert compare(rates(None, 0.9), (), ENGLISH).sentences == (ENGLISH("history", "nothing"),)
    assert compare(rates(0.9, None), (), ENGLISH).sentences == (ENGLISH("history", "nothing"),)
    twelve = compare(rates(*[0.9, 0.8, 0.99] * 4, 0.95), (), ENGLISH)
    assert twelve.sentences[1] == "Better than 8 of the last 12 periods (their median: 90.00 %)."
    fewer = compare(rates(None, 0.9, 0.8, 0.95), (), ENGLISH)
    assert fewer.sentences[1].startswith("Better than 2 of the 2 earlier periods that the data covers")


@pytest.mark.parametrize("scope", [WHOLE, Scope.of(vaults=["full", "vault-2"])], ids=["whole", "limited"])
@pytest.mark.parametrize("period", ["day", "week", "2026-02", "2026-03-02..2026-03-07"])
def test_what_is_drawn_sums_to_the_figures(warehouse: Path, period: str, scope: Scope) -> None:
    with open_warehouse(warehouse) as opened:
        data = collect_data(opened, parse_period(period), ENGLISH, scope)
        assert data.period
        figures = compute_figures(opened, data.period, scope)
        views = {
            row["source"]: row["resources"]
            for row in opened.sql(
                "SELECT source, count(*) AS resources FROM analytics.resource GROUP BY 1", as_="arrow"
            ).to_pylist()
        }
    rows = {name: result.rows for name, result in data.results.items()}
    in_period = [row for row in rows["unprotected_daily"] if row["backup_day"] >= data.period.from_day]
    assert len(in_period) == data.period.days
    assert sum(row["unprotected_hours"] for row in in_period) == pytest.approx(figures["unprotected"].value)
    assert (rows["history"][-1]["protected"], rows["history"][-1]["windows"]) == (
        figures["success"].numerator,
        figures["success"].denominator,
    )
    trend = [row for row in rows["trend"] if row["backup_day"] >= data.period.from_day]
    assert sum(row["protected"] for row in trend) == figures["success"].numerator
    findings = {row["finding"]: row for row in rows["findings"]}
    assert findings["unprotected"]["total"] == figures["strikes"].denominator
    if rows["offsite_curve"]:
        assert rows["offsite_curve"][-1]["resources"] == figures["offsite"].denominator
        assert rows["offsite_curve"][-1]["total"] == figures["never"].denominator
    if scope.is_whole and period == "week":
        assert findings["unprotected"]["total"] == views["main"]


def test_the_curves_are_those_of_the_views(warehouse: Path, week: ReportData) -> None:
    """Of the newest day, the views answer the same questions."""
    assert week.period
    with open_warehouse(warehouse) as opened:
        at_end = {"to_at": week.period.to_at}
        (loss,) = opened.sql(
            "SELECT * FROM analytics.region_loss WHERE lost_at = $to_at AND destination_region IS NULL",
            at_end,
            as_="arrow",
        ).to_pylist()
        incidents = opened.sql("SELECT * FROM analytics.failure_incidents", as_="arrow").to_pylist()
    curve = week.results["offsite_curve"].rows
    assert (curve[-1]["resources"], curve[-1]["total"]) == (loss["with_copy"], loss["resources"])
    assert curve[-1]["age_hours"] - 1 < loss["loss_max_hours"] <= curve[-1]["age_hours"]
    shown = {
        (row["error_code"], row["began_at"], row["resources"], row["hit"])
        for row in week.results["incidents"].rows
    }
    assert shown == {
        (row["error_code"], row["began_at"], row["resources"], row["resources"]) for row in incidents
    }
    assert shown


def test_incidents_have_letters_in_the_plots_and_the_table(week: ReportData) -> None:
    html = render_page(week, ENGLISH, "0")
    number = len(week.results["incidents"].rows)
    assert number == 5
    for letter in "ABCDE":
        assert f'id="incident-{letter}"' in html
    drawn = html.split('class="plot"')[3].split("</svg>")[0]
    assert [letter for letter in "ABCDEF" if f">{letter}</text>" in drawn] == list("ABCDE")


@pytest.mark.parametrize("language", list(Language))
def test_the_digest_is_one_page_and_says_what_the_report_does(warehouse: Path, language: Language) -> None:
    digest = make_digest(warehouse, ReportOptions(language=language))
    text = digest_text(digest)
    lines = text.splitlines()
    assert len(lines) < 60
    if language is Language.EN:
        assert max(map(len, lines)) <= 78
    texts = read_texts(language)
    with open_warehouse(warehouse) as opened:
        data = collect_data(opened, parse_period("week"), texts)
    assert digest["verdict"] == data.verdict.level == "act"
    assert digest["sentences"] == list(data.verdict.sentences)
    assert [one["title"] for one in digest["problems"]]
    assert {name: one["value"] for name, one in digest["figures"].items()} == {
        name: figure.value for name, figure in data.figures.items()
    }
    assert data.verdict.sentences[0] in text.replace("\n", " ")
    assert json.loads(json.dumps(digest)) == digest


def test_a_digest_before_any_load_says_so(tmp_path: Path) -> None:
    warehouse = SmallLog(watermark=None).publish(tmp_path / "warehouse.duckdb")
    digest = make_digest(warehouse, ReportOptions())
    assert (digest["verdict"], digest["period"]) == ("empty", None)
    assert "no load has finished" in digest_text(digest).replace("\n", " ")


def test_a_manifest_tells_period_and_limits(warehouse: Path, tmp_path: Path) -> None:
    options = ReportOptions(parse_period("2026-02"), scope=Scope.of(["main"], ["full"]))
    made = make_report(warehouse, tmp_path / "made", tmp_path, options, datetime(2026, 3, 10, tzinfo=UTC))
    manifest = json.loads(made.manifest.read_text())
    assert manifest["scope"] == {"sources": ["main"], "vaults": ["full"], "policies": []}
    period = manifest["period"]
    assert (period["name"], period["first_backup_day"], period["last_backup_day"]) == (
        "2026-02",
        "2026-02-01",
        "2026-02-28",
    )
    with open_warehouse(warehouse) as opened:
        for table in manifest["tables"]:
            assert len(opened.sql(table["query"], as_="arrow")) == table["rows"], table["name"]


def test_a_query_keeps_its_parameters_apart() -> None:
    question = read_question("unprotected_daily")
    days = {"to_day": date(2026, 3, 9), "plot_from_day": date(2026, 2, 9)}
    filled = question.filled(days | {"timezone": "a'b"})
    assert "DATE '2026-02-09'" in filled
    assert "'a''b'" in filled
