"""Periods of a report: which backup days they are, what they are compared with, what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.errors import UsageError
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.build import make_report
from cbr_warehouse.report.collect_data import ReportData, collect_data
from cbr_warehouse.report.headings import describe_period
from cbr_warehouse.report.options import Language, ReportOptions, Scope
from cbr_warehouse.report.period_name import earlier_starts, parse_period
from cbr_warehouse.report.texts import read_texts
from cbr_warehouse.settings.analytics import AnalyticsSettings, SourceClock
from support.small_log import SmallLog, at

ENGLISH = read_texts(Language.EN)
MADE_AT = datetime(2026, 3, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026-11-27", date(2026, 11, 27), date(2026, 11, 28)),
        ("2026-W47", date(2026, 11, 16), date(2026, 11, 23)),
        ("2026-W01", date(2025, 12, 29), date(2026, 1, 5)),
        ("2026-W53", date(2026, 12, 28), date(2027, 1, 4)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("2026-Q3", date(2026, 7, 1), date(2026, 10, 1)),
        ("2026-11-01..2026-11-15", date(2026, 11, 1), date(2026, 11, 16)),
        ("2026-10..2026-W47", date(2026, 10, 1), date(2026, 11, 23)),
    ],
)
def test_a_calendar_period_has_its_days(text: str, first: date, after: date) -> None:
    found = parse_period(text)
    assert (found.first, found.after, found.is_newest) == (first, after, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "year",
        "Week",
        "2026",
        "2026-13",
        "2026-02-30",
        "2026-W54",
        "2025-W53",
        "2026-W00",
        "2026-Q5",
        "1999-12",
        "9999-12",
        "2026-1-1",
        "..",
        "2026-11-02..2026-11-01",
        "2026-10..",
        "2026-10...2026-11",
    ],
)
def test_what_is_no_period_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"--period .*: .*Allowed: day, week, month or quarter"):
        ReportOptions.parse(text, "en", audit=False)


def test_months_and_quarters_go_back_by_the_calendar() -> None:
    assert earlier_starts("month", date(2026, 3, 1), 31, 3) == [
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]
    assert earlier_starts("quarter", date(2026, 1, 1), 90, 1) == [date(2025, 10, 1)]
    assert earlier_starts("week", date(2026, 3, 2), 7, 1) == [date(2026, 2, 23)]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One resource from October 2025 on, that fails on the 10th of each month and on the last days."""
    log = SmallLog()
    for day in range(159):
        moment = at("2025-10-02 01:00") + timedelta(days=day)
        is_bad = moment.day == 10 or moment.date() >= date(2026, 3, 8)
        log.backup("a", moment, status="failed" if is_bad else "success", error_code="E1" if is_bad else None)
    return log.publish(tmp_path_factory.mktemp("periods") / "warehouse.duckdb")


def read(warehouse: Path, period: str) -> ReportData:
    with open_warehouse(warehouse) as opened:
        return collect_data(opened, parse_period(period), ENGLISH)


@pytest.mark.parametrize(
    ("name", "days", "protected", "before"),
    [
        ("2026-01-09", 1, 0, 1.0),
        ("2026-01-10", 1, 1, 0.0),
        ("2026-W02", 7, 6, 1.0),
        ("2026-01", 31, 30, 30 / 31),
        ("2026-Q1", 67, 63, 65 / 67),
        ("2025-Q4", 92, 89, None),
        ("2026-02-01..2026-02-10", 10, 9, 1.0),
        ("2026-03", 8, 6, 1.0),
        ("quarter", 90, 85, None),
        ("week", 7, 5, 1.0),
        ("day", 1, 0, 0.0),
    ],
)
def test_the_figures_are_those_of_the_days(
    warehouse: Path, name: str, days: int, protected: int, before: float | None
) -> None:
    """The backup of the 10th at 01:00 is of the backup day of the 9th."""
    data = read(warehouse, name)
    assert data.period
    success = data.figures["success"]
    assert (data.period.days, success.denominator, success.numerator) == (days, days, protected)
    assert success.before == before


def test_a_period_that_is_not_over_ends_with_the_last_day_that_is(warehouse: Path) -> None:
    data = read(warehouse, "2026-03")
    assert data.period
    assert (data.period.from_day, data.period.to_day) == (date(2026, 3, 1), date(2026, 3, 9))
    said = describe_period(data, ENGLISH)
    assert said.startswith("Month 2026-03: 2026-03-01 18:00 UTC to 2026-03-09 18:00 UTC")
    assert said.endswith("). The period is not over: its last 23 backup days are not in this report.")


def test_periods_without_a_day_are_refused_with_what_there_is(warehouse: Path) -> None:
    with pytest.raises(UsageError, match=r"2026-04: none of its backup days is over.*2026-03-08\."):
        read(warehouse, "2026-04")
    with pytest.raises(UsageError, match=r"2025-09: the stored tasks begin later, at 2025-10-02 01:00 UTC"):
        read(warehouse, "2025-09")


def test_a_past_period_is_as_it_was_at_its_end(warehouse: Path) -> None:
    """Failures of March do not belong to a report of February, which had one, on the 10th."""
    quiet = read(warehouse, "2026-02-15..2026-02-20")
    assert (quiet.verdict.level, quiet.results["worst"].rows) == ("fine", [])
    (worst,) = read(warehouse, "2026-02").results["worst"].rows
    assert (worst["failures"], worst["strikes"]) == (1, 0)
    assert worst["recovered_at"].date() == date(2026, 2, 11)
    assert read(warehouse, "day").verdict.level == "act"


def test_every_period_has_a_folder_of_its_own(warehouse: Path, tmp_path: Path) -> None:
    made = [
        make_report(
            warehouse, None, tmp_path, ReportOptions(parse_period(name), scope=scope), MADE_AT
        ).page.parent.name
        for name, scope in (
            ("week", Scope()),
            ("2026-02", Scope()),
            ("2026-02", Scope.of(["main"])),
            ("2026-02", Scope.of(vaults=["vault-1"])),
        )
    ]
    assert made[:2] == ["2026-03-09-week-en", "2026-02-en"]
    assert len(set(made)) == 4


def test_days_begin_by_the_clock_of_the_source(tmp_path: Path) -> None:
    """A source with a clock of its own: the report's days and times were those of the global clock."""
    clock = SourceClock("main", timezone="Asia/Shanghai", day_anchor=time(12))
    log = SmallLog(settings=AnalyticsSettings(clocks=(clock,)))
    log.daily("a", "2026-03-01 01:00", 9)
    data = read(log.publish(tmp_path / "warehouse.duckdb"), "day")
    assert data.period
    assert (data.timezone, data.day_anchor) == ("Asia/Shanghai", timedelta(hours=12))
    assert data.period.to_at == at("2026-03-09 04:00")
    assert data.figures["success"].denominator == 1


def test_days_are_of_local_length_when_clocks_change(tmp_path: Path) -> None:
    log = SmallLog("2026-04-01 00:00", AnalyticsSettings(timezone="Europe/Berlin"))
    log.daily("a", "2026-03-20 01:00", 12)
    data = read(log.publish(tmp_path / "warehouse.duckdb"), "2026-03-28")
    assert data.period
    assert data.period.to_at - data.period.from_at == timedelta(hours=23)
