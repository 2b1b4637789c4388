"""The report and every view of estates at the edge: nothing, next to nothing, far too much, strange names."""

import csv
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.analytics.catalogue import views
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.build import Report, make_report
from cbr_warehouse.report.options import Language, ReportOptions
from cbr_warehouse.report.period_name import parse_period
from support.small_log import SmallLog, at

MADE_AT = datetime(2026, 3, 10, 1, tzinfo=UTC)
MARKUP = "<script>alert('x')</script> & \"co\""
CHINESE = "生产数据库服务器"


def nothing() -> SmallLog:
    return SmallLog(watermark=None)


def no_task() -> SmallLog:
    return SmallLog().cover("2026-03-08", "2026-03-09")


def one_task() -> SmallLog:
    log = SmallLog()
    log.backup("only", "2026-03-09 01:00")
    return log


def a_thousand_failures() -> SmallLog:
    log = SmallLog()
    for number in range(1000):
        moment = at("2026-03-01 00:00") + timedelta(minutes=12 * number)
        log.backup("failing", moment, status="failed", error_code="BackupService.9910")
    return log


def strange_names() -> SmallLog:
    log = SmallLog()
    for resource, name in (("a", MARKUP), ("b", CHINESE), ("c", "")):
        log.backup(resource, "2026-03-08 01:00", resource_name=name, vault_name=name)
        for hour in (1, 2, 3):
            told = {"error_code": MARKUP, "error_message": MARKUP, "vault_name": name}
            log.backup(resource, f"2026-03-09 0{hour}:00", resource_name=name, status="failed", **told)
    return log


def no_policies() -> SmallLog:
    log = SmallLog()
    log.daily("by-hand", "2026-03-01 01:00", 9, policy_id=None)
    return log


ESTATES = [nothing, no_task, one_task, a_thousand_failures, strange_names, no_policies]


def make(log: SmallLog, folder: Path, **wanted: object) -> Report:
    warehouse = log.publish(folder / "warehouse.duckdb")
    return make_report(warehouse, folder / "made", folder, ReportOptions(**wanted), MADE_AT)  # type: ignore[arg-type]


@pytest.mark.parametrize("estate", ESTATES)
def test_every_view_answers(estate: Callable[[], SmallLog]) -> None:
    opened = estate().open()
    for view in views():
        if view.kind != "macro":
            opened.rows(view.name)
    assert opened.query("SELECT count(*) AS n FROM analytics.as_of") == [{"n": 1}]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("estate", ESTATES)
def test_the_report_is_made_and_says_so(
    tmp_path: Path, estate: Callable[[], SmallLog], language: Language
) -> None:
    made = make(estate(), tmp_path, language=language, audit=True)
    html = made.page.read_text()
    assert made.verdict
    assert made.verdict.split()[0] in html
    expected = {nothing: {"empty"}, a_thousand_failures: {"act"}, strange_names: {"act"}}
    assert made.level in expected.get(estate, {"empty", "fine", "watch", "act"})
    assert "NaN" not in html
    assert "None<" not in html


@pytest.mark.parametrize(
    "period",
    [
        "day",
        "week",
        "month",
        "quarter",
        "2026-03-08",
        "2026-W10",
        "2026-03",
        "2026-Q1",
        "2026-03-01..2026-03-08",
    ],
)
@pytest.mark.fault("hostile text")
def test_markup_in_names_is_text_and_chinese_is_kept(tmp_path: Path, period: str) -> None:
    html = make(strange_names(), tmp_path, period=parse_period(period)).page.read_text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert CHINESE in html


def test_everything_beside_the_page_is_what_the_manifest_says(tmp_path: Path) -> None:
    made = make(one_task(), tmp_path, audit=True)
    manifest = json.loads(made.manifest.read_text())
    listed = [file for table in manifest["tables"] for file in table["files"]] + [manifest["page"]]
    for file in listed:
        content = (made.page.parent / file["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    beside = {path.name for path in made.page.parent.iterdir()} - {"manifest.json"}
    assert beside == {file["file"] for file in listed}
    for table in manifest["tables"]:
        name = table["name"]
        assert pq.read_metadata(made.page.parent / f"{name}.parquet").num_rows == table["rows"]
        with (made.page.parent / f"{name}.csv").open(newline="") as lines:
            assert len(list(csv.DictReader(lines))) == table["rows"]
    assert len(manifest["tables"]) == len({table["name"] for table in manifest["tables"]})
    with open_warehouse(tmp_path / "warehouse.duckdb") as opened:
        for table in manifest["tables"]:
            made_again = opened.sql(table["query"], as_="arrow")
            assert made_again.equals(pq.read_table(made.page.parent / f"{table['name']}.parquet"))
    assert manifest["period"]["watermark"] == "2026-03-10T00:00:00+00:00"
    assert manifest["settings"]
    assert {"completeness", "worst", "figure_success", "figure_made_good"} <= {
        table["name"] for table in manifest["tables"]
    }


def test_a_report_takes_the_place_of_the_one_before_it(tmp_path: Path) -> None:
    """A plain report into the folder of an audit's left the audit's tables there, in no manifest."""
    earlier = make(one_task(), tmp_path, audit=True)
    manifest = json.loads(earlier.manifest.read_text())
    for name in ("analytics_attempt.csv", "analytics_attempt.parquet"):  # as earlier releases wrote them
        (tmp_path / "made" / name).write_text("of an earlier release")
        manifest["tables"].append({"name": "analytics_attempt", "files": [{"file": name}]})
    earlier.manifest.write_text(json.dumps(manifest))
    mine = tmp_path / "made" / "notes.txt"
    mine.write_text("kept")
    made = make_report(tmp_path / "warehouse.duckdb", tmp_path / "made", tmp_path, ReportOptions(), MADE_AT)
    listed = {
        file["file"] for table in json.loads(made.manifest.read_text())["tables"] for file in table["files"]
    }
    assert {path.name for path in mine.parent.iterdir()} == listed | {
        "report.html",
        "manifest.json",
        mine.name,
    }


def test_the_same_warehouse_makes_the_same_page(tmp_path: Path) -> None:
    warehouse = strange_names().publish(tmp_path / "warehouse.duckdb")
    one, other = (
        make_report(warehouse, tmp_path / name, tmp_path, ReportOptions(), MADE_AT + timedelta(hours=hours))
        for name, hours in (("one", 0), ("other", 5))
    )
    assert one.page.read_bytes() == other.page.read_bytes()


def test_the_verdict_names_sources_that_are_left_out(tmp_path: Path) -> None:
    log = SmallLog().load("2026-01-20 00:00", source="switched-off")
    log.daily("here", "2026-03-01 01:00", 9)
    log.backup("there", "2026-01-19 01:00", source="switched-off", status="failed")
    report = make(log, tmp_path)
    page = report.page.read_text(encoding="utf-8")
    assert "more than 30 days before the newest: switched-off." in page
    assert "backups are in order." in page


def test_a_year_of_failures_is_one_file_below_a_megabyte(tmp_path: Path) -> None:
    """Days are gathered into weeks: a bar a day and code, drawn twice, would be larger."""
    log = SmallLog()
    for number in range(8):
        failing = {"status": "failed", "error_code": f"E{number}"}
        log.daily(f"id-{number}", "2025-02-01 01:00", 400, **failing)
        log.daily(f"id-{number}", "2025-02-01 05:00", 400)
    html = make(log, tmp_path, period=parse_period("2025-Q1..2026-02")).page.read_bytes()
    assert len(html) < 1_000_000
    bars = html.decode().split('class="plot"')[5].split("</svg>")[0]
    assert 7 * 50 < bars.count("<path") < 7 * 70
