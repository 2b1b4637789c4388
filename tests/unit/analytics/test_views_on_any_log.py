"""Every view on logs at the edge: nothing loaded, one task, one resource that only fails, odd names."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from math import isfinite
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.analytics.catalogue import Definition, views
from support.random_log import random_log
from support.small_log import SmallLog, at
from support.small_warehouse import Analytics

VIEWS = [view for view in views() if view.kind == "view"]


def nothing() -> SmallLog:
    return SmallLog(watermark=None)


def loaded_in_vain() -> SmallLog:
    return SmallLog().cover("2026-03-09")


def never_finished() -> SmallLog:
    log = SmallLog(watermark=None).load("2026-03-10 00:00", outcome="interrupted")
    log.daily("disk", "2026-03-01 01:00", 9, status="failed")
    return log


def one_task() -> SmallLog:
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00")
    return log


def a_thousand_failures() -> SmallLog:
    log = SmallLog()
    for number in range(1000):
        moment = at("2026-02-20 00:00") + timedelta(minutes=20 * number)
        log.backup("disk", moment, status="failed", error_code="BackupService.9910")
    return log


def odd_names() -> SmallLog:
    log = SmallLog()
    names = {"resource_name": "数据库\"主机'<b>&", "vault_name": "存储库 ⁂ 100%", "backup_name": "自动'--"}
    made = log.daily("磁盘-1", "2026-03-01 01:00", 9, **names)
    log.backup(
        "磁盘-1", "2026-03-09 12:00", status="failed", error_code="错误", error_message="'; --", **names
    )
    log.copy(made[0], "2026-03-02 01:00", region="华北-北京四")
    log.delete(made[0], "2026-03-08 01:00")
    log.restore(made[1], "2026-03-08 02:00", resource="磁盘-1")
    log.remove(["磁盘-1"], "2026-03-09 20:00")
    return log


def no_policies() -> SmallLog:
    log = SmallLog()
    log.daily("disk", "2026-03-01 01:00", 9, policy_id=None)
    log.backup("disk", "2026-03-09 02:00", policy_id=None, vault_id=None, vault_name=None, resource_type=None)
    return log


def at_random() -> SmallLog:
    return random_log(7).log


def backwards() -> SmallLog:
    """The random log, its rows told in the opposite order."""
    log = at_random()
    for rows in log.tables.values():
        rows.reverse()
    return log


LOGS = (
    nothing,
    loaded_in_vain,
    never_finished,
    one_task,
    a_thousand_failures,
    odd_names,
    no_policies,
    at_random,
)


@cache
def opened(make: Callable[[], SmallLog]) -> Analytics:
    return make().open()


@pytest.mark.parametrize("make", LOGS)
@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_every_view_answers(view: str, make: Callable[[], SmallLog]) -> None:
    for row in opened(make).rows(view):
        rates = {name: value for name, value in row.items() if name.endswith("_rate") and value is not None}
        assert all(0 <= value <= 1 for value in rates.values()), row
        assert not any(isinstance(value, float) and not isfinite(value) for value in row.values()), row


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_header_describes_exactly_the_columns(view: Definition) -> None:

    connection = opened(one_task).connection
    columns = [row[0] for row in connection.execute(f"DESCRIBE analytics.{view.name}").fetchall()]
    assert list(view.columns) == columns


@pytest.mark.parametrize(("view", "day"), [("backup_success_daily", "backup_day"), ("forecast", "day")])
def test_views_of_days_come_in_order(view: str, day: str) -> None:
    """The last 14 rows were taken for the last 14 days, of a view whose rows came in any order."""
    log = SmallLog()
    for source, begin in (("b", "2026-03-05 01:00"), ("a", "2026-01-20 01:00"), ("c", "2026-02-20 01:00")):
        log.source = source
        log.load("2026-03-10 00:00", source=source)
        log.daily(f"disk-{source}", begin, 5)
    rows = log.open().query(f"SELECT source, {day} AS day FROM analytics.{view}")
    assert {"a", "b", "c"} <= {row["source"] for row in rows}
    found = [(row["source"], row["day"]) for row in rows]
    assert found == sorted(found)


def test_the_warehouse_describes_every_column_of_the_analytics(tmp_path: Path) -> None:
    with duckdb.connect(str(one_task().publish(tmp_path / "warehouse.duckdb", comments=True))) as connection:
        described = connection.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'analytics'"
        ).fetchall()
    assert {table for table, *_ in described} >= {view.name for view in VIEWS}
    assert [column for column in described if not column[-1]] == []


def test_nothing_loaded_counts_nothing() -> None:
    for view in ("backup_success_daily", "protection_coverage", "rpo_compliance_summary", "data_quality"):
        assert opened(nothing).rows(view) == []


def test_a_thousand_failures_of_one_resource_stay_one_resource() -> None:
    analytics = opened(a_thousand_failures)
    assert analytics.row("unresolved_failures")["strikes"] == 1000
    assert analytics.row("failing_streaks")["failures"] == 1000
    assert analytics.row("protection_coverage")["never"] == 1
    assert analytics.row("rpo_compliance_summary")["in_breach_now"] == 1
    assert (analytics.row("failure_causes")["failures"], analytics.row("failure_causes")["resources"]) == (
        1000,
        1,
    )


@pytest.mark.fault("hostile text")
def test_names_come_through_as_they_are() -> None:
    row = opened(odd_names).row("resource_protection")
    assert (row["resource_name"], row["vault_name"], row["bucket"]) == (
        "数据库\"主机'<b>&",
        "存储库 ⁂ 100%",
        "removed",
    )


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_the_clock_of_the_session_changes_no_row(view: str) -> None:
    analytics = opened(at_random)
    analytics.without_views.execute("SET TimeZone = 'UTC'")
    before = analytics.rows(view)
    analytics.without_views.execute("SET TimeZone = 'America/New_York'")
    assert analytics.rows(view) == before


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_the_order_that_tasks_came_in_changes_no_digit(view: str) -> None:
    assert opened(backwards).rows(view) == opened(at_random).rows(view)
