"""The CSV files beside a report, as spreadsheets open them."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.report.build import make_report
from cbr_warehouse.report.options import ReportOptions
from support.small_log import SmallLog

pytestmark = pytest.mark.fault("hostile text")

FORMULAS = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"]


PLAIN = ["plain", "a=b", "'quoted", "生产"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report about resources, vaults and codes of these names."""
    place = tmp_path_factory.mktemp("report")
    log = SmallLog()
    for number, name in enumerate(FORMULAS + PLAIN):
        names = {"resource_name": name, "vault_name": name, "vault_id": str(number), "error_code": name}
        for day in (7, 8):
            log.backup(f"id-{number}", f"2026-03-0{day} 01:00", status="failed", **names)
    warehouse = log.publish(place / "warehouse.duckdb")
    made_at = datetime(2026, 3, 10, 1, tzinfo=UTC)
    return make_report(warehouse, place / "made", place, ReportOptions(), made_at).page.parent


def test_no_cell_is_a_formula_and_the_parquet_is_exact(folder: Path) -> None:
    with (folder / "worst.csv").open(encoding="utf-8-sig", newline="") as lines:
        names = {row["resource"] for row in csv.DictReader(lines)}
    assert names == {f"'{name}" for name in FORMULAS} | set(PLAIN)
    exact = {row["resource"] for row in pq.read_table(folder / "worst.parquet").to_pylist()}
    assert exact == {*FORMULAS, *PLAIN}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for cells in csv.reader(lines):
                assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r\n＝")]


def test_every_csv_says_that_it_is_utf8(folder: Path) -> None:
    """Excel showed Chinese names as those of another encoding."""
    files = list(folder.glob("*.csv"))
    assert files
    assert all(path.read_bytes().startswith(b"\xef\xbb\xbf") for path in files)


def test_report_and_manifest_say_which_files_are_exact(folder: Path) -> None:
    assert "The Parquet files hold the exact values." in (folder / "report.html").read_text(encoding="utf-8")
    assert set(json.loads((folder / "manifest.json").read_text())["formats"]) == {"csv", "parquet"}
