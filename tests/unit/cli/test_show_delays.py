"""What ``status`` prints of lateness and finality, above all where little or nothing is known."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.cli.show_delays import print_bounds, show_delays
from cbr_warehouse.warehouse.lateness import DayFinality, NewsDelays, read_delays
from support.small_log import SmallLog, at


@pytest.mark.parametrize(
    ("bounds", "printed"),
    [
        ((0, 0), "0s"),
        ((0, 59), "0s to 59s"),
        ((119, 121), "1m to 3m"),
        ((3600, 3601), "1h to 1h1m"),
        ((86399, 86400), "23h59m to 1d"),
        ((90_000, 90_001), "1d1h to 1d2h"),
        ((None, None), ""),
    ],
)
def test_bounds_are_rounded_outwards(bounds: tuple[int | None, int | None], printed: str) -> None:
    assert print_bounds(*bounds) == printed


def shown(log: SmallLog, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    show_delays(read_delays(log.publish(folder / "warehouse.duckdb")))
    return capsys.readouterr().out


def test_nothing_measured_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = shown(SmallLog().cover("2026-03-09"), tmp_path, capsys)
    assert "main: lateness is not measured yet" in printed
    assert "main: whether recent days are final is unknown" in printed
    assert "p99" not in printed


def test_few_young_and_left_out_tasks_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = SmallLog(watermark=None)
    for day in range(1, 4):
        log.load(f"2026-03-0{day} 00:00")
    for moment in ("2026-02-27 01:00", "2026-03-01 01:00"):
        log.see(log.backup("disk", moment), (at("2026-03-02 00:00:30"), {}))
    printed = shown(log, tmp_path, capsys)
    assert "0s to 23h1m" in printed
    assert "1 tasks are left out" not in printed
    assert "1 task is left out, because loads had not begun or were interrupted" in printed
    assert "p99.99 of fewer than 10,000 tasks is the maximum" in printed
    assert "1 task is not watched for long enough yet, so values can grow" in printed


def test_a_probability_is_never_rounded_to_certainty(capsys: pytest.CaptureFixture[str]) -> None:
    days = [
        DayFinality("main", date(2026, 3, 8), "complete", 40, 0, 998, 998, 999 / 1000),
        DayFinality("main", date(2026, 3, 9), "open", 0, 2, 998, 0, 0.0),
    ]
    show_delays(NewsDelays((), tuple(days)))
    assert capsys.readouterr().out == (
        "main: probability that a day is final, from 998 earlier days: 2026-03-08 99 %, 2026-03-09 0 %.\n"
    )


def test_a_warehouse_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    path = SmallLog().publish(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP SCHEMA analytics CASCADE")
    assert read_delays(path) == NewsDelays()
