"""Finding one's way in a notebook: what a warehouse shows of itself, completion, docstrings, filters."""

import builtins
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cbr_warehouse.errors import UsageError
from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse
from support.small_log import SmallLog

DAYS = ("2026-03-05", "2026-03-06", "2026-03-07", "2026-03-08")
NAME = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = SmallLog()
    for day in DAYS:
        log.backup("disk", f"{day} 01:00", vault_name=NAME)
    log.backup("other", "2026-03-08 01:00", status="failed")
    log.task("sync", "2026-03-08 12:00", status="failed")
    return log.publish(tmp_path_factory.mktemp("explore") / "warehouse.duckdb", comments=True)


@pytest.fixture
def wh(path: Path) -> Iterator[Warehouse]:
    with open_warehouse(path) as opened:
        yield opened


def test_it_shows_where_it_is_how_new_and_how_much(wh: Warehouse, path: Path) -> None:
    assert repr(wh).startswith(f"<Warehouse {path}: as of 2026-03-10")
    assert "tasks 6" in repr(wh)
    page = wh._repr_html_()
    assert str(path) in page
    assert "<table>" in page


def test_a_closed_one_says_so(path: Path) -> None:
    opened = open_warehouse(path)
    opened.close()
    assert "closed" in repr(opened)
    assert "closed" in opened._repr_html_()


def test_views_tables_and_macros_are_attributes_that_complete(wh: Warehouse) -> None:
    assert {"protection_coverage", "attempt", "as_known_at", "coverage", "sql"} <= set(dir(wh))
    assert set(wh.names()["name"]) <= set(dir(wh))
    pd.testing.assert_frame_equal(wh.protection_coverage(), wh.view("protection_coverage"))
    assert len(wh.attempt("arrow")) == 6
    assert len(wh.task_versions()) == len(wh.table("task_versions"))
    with pytest.raises(AttributeError, match="no 'protection'"):
        wh.protection  # noqa: B018


def test_an_attribute_explains_itself(wh: Warehouse) -> None:
    text = inspect.getdoc(wh.protection_coverage) or ""
    assert "how many resources have a recent enough backup" in text
    assert "    coverage_rate: within_rpo / (resources - new)." in text
    assert repr(wh.protection_coverage) == wh.protection_coverage.__doc__
    assert wh.exposure_pareto._repr_html_().startswith("<pre>analytics.exposure_pareto")
    assert "known_at" in (wh.as_known_at.__doc__ or "")


def test_macros_are_listed_and_called(wh: Warehouse) -> None:
    macros = wh.names().query("kind == 'macro'").set_index("name")
    assert macros.loc["as_known_at", "arguments"] == "known_at"
    assert macros["comment"].notna().all()
    assert list(wh.as_known_at("2026-03-09T00:00:00Z").columns) == list(
        wh.sql("FROM analytics.as_known_at(TIMESTAMPTZ '2026-03-09')").columns
    )


def test_a_duration_counts_back_from_the_watermark(wh: Warehouse) -> None:
    assert len(wh.tasks(since="2d")) == len(wh.tasks(since="2026-03-08")) == 3
    assert len(wh.tasks(since="1w", until="3d")) == len(wh.tasks(until="2026-03-07")) == 2
    assert len(wh.tasks(since="999999w")) == 6
    assert len(wh.attempt(since="2d")) == 3
    assert len(wh.backup_success_daily(since="2026-03-07", until="2026-03-08")) == 1


def test_filters_take_one_value_a_list_or_nothing(wh: Warehouse) -> None:
    assert len(wh.tasks(status=["failed", "timeout"])) == 2
    assert len(wh.tasks(status=("failed",), operation_type={"backup", "sync"})) == 2
    assert len(wh.tasks(status=[])) == 0
    assert len(wh.attempt(status=["failed"], operation_type="sync")) == 1
    assert len(wh.attempt(resource_id=None)) == 1
    assert len(wh.attempt(vault_name=[NAME])) == 4
    assert len(wh.attempt(status=["' OR true --"])) == 0
    with pytest.raises(UsageError, match="no column 'nothing'"):
        wh.attempt(nothing=1)
    with pytest.raises(UsageError, match="since and until"):
        wh.protection_coverage(since="7d")


@pytest.mark.parametrize("name", ["backup_success_daily", "region_loss", "day_state", "forecast"])
def test_views_of_days_are_in_order(wh: Warehouse, name: str) -> None:
    frame = wh.view(name)
    days = frame[frame.columns[1]]
    assert days.is_monotonic_increasing
    assert len(frame) == len(wh.sql(f"FROM analytics.{name}"))


def test_coverage_is_in_order(wh: Warehouse) -> None:
    assert wh.coverage()["day"].is_monotonic_increasing


def test_polars_frames_have_the_same_values(wh: Warehouse) -> None:
    pl = pytest.importorskip("polars")
    frame = wh.attempt("polars", since="2d")
    assert isinstance(frame, pl.DataFrame)
    assert frame["created_at"].dtype == pl.Datetime("us", "UTC")
    assert frame["task_id"].to_list() == wh.attempt(since="2d")["task_id"].to_list()
    assert wh.sql("SELECT 1 AS one", as_="polars")["one"].to_list() == [1]


def test_without_polars_it_says_how_to_get_it(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = builtins.__import__

    def refuse(name: str, *words: Any, **options: Any) -> Any:
        if name == "polars":
            raise ImportError(name)
        return shipped(name, *words, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match=r"cbr-warehouse\[polars\]"):
        wh.sql("SELECT 1", as_="polars")
