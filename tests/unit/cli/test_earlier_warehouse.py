"""A warehouse that an earlier version published, read before this version's first load."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.cli.status import show_status
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.report.build import make_report
from cbr_warehouse.report.digest import make_digest
from cbr_warehouse.report.options import ReportOptions
from cbr_warehouse.warehouse.status import read_status
from support.small_log import SmallLog

NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A published file without what this version added."""
    log = SmallLog(watermark="2026-03-10 00:00")
    log.backup("disk-1", "2026-03-09 01:00")
    path = tmp_path / "warehouse.duckdb"
    log.publish(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP SCHEMA analytics CASCADE")
        connection.execute("ALTER TABLE coverage DROP COLUMN reason")
        connection.execute(
            "INSERT INTO coverage BY NAME SELECT source, DATE '2026-03-08' AS day, 0 AS held, "
            "0 AS quarantined, 0 AS expired, 'unverified' AS state, now() AS checked_at FROM loads LIMIT 1"
        )
    return path


def test_status_says_that_a_reason_is_not_recorded(earlier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_status(read_status(earlier, NOW))
    printed = capsys.readouterr().out
    assert "unverified: 1 day (2026-03-08): an earlier version recorded no reason" in printed
    assert "None" not in printed


def test_the_report_asks_for_a_load(earlier: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"another version of cbr-warehouse.*'cbr-warehouse load'"):
        make_report(earlier, tmp_path / "out", tmp_path, ReportOptions.parse("week", "en", audit=False), NOW)
    assert not (tmp_path / "out").exists()


def test_the_digest_asks_for_a_load_too(earlier: Path) -> None:
    with pytest.raises(WarehouseError, match=r"another version of cbr-warehouse.*'cbr-warehouse load'"):
        make_digest(earlier, ReportOptions())
