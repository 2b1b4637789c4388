"""The tools only read, refuse what would be false, and say how much there is beyond what they give."""

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client

from cbr_warehouse.cli.json_values import plain
from cbr_warehouse.mcp_server.server import build_server
from support.asked_estate import Estate
from support.small_inventory import SmallInventory
from support.small_log import SmallLog

FAILED = ("failed", "timeout")


def test_incompleteness_is_beside_the_number(estate: Estate) -> None:
    early = estate.ask("get_figure", name="tasks", since="2026-10-01", until="2026-11-10")
    assert early["completeness"][0]["is_complete"] is False
    assert "was ever loaded" in early["completeness"][0]["caveats"][-1]
    assert "unverified" in early["completeness"][0]["caveats"][0]
    late = estate.ask("get_figure", name="tasks", since="2026-11-19", until="2030-01-01")
    assert late["window"]["to"] == late["watermark"]  # the future is in no window


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "backup_size"}, "no sizes"),
        ({"name": "monthly_cost"}, "no prices"),
        ({"name": "success"}, "There is no figure"),
        ({"name": "tasks", "since": "2024-01-01", "until": "2024-02-01"}, "0 would be false"),
        ({"name": "tasks", "since": "2026-11-10", "until": "2026-11-10"}, "window is empty"),
        ({"name": "tasks", "since": "yesterday"}, "is not a time"),
        ({"name": "tasks", "source": "other"}, "There is no source"),
        ({"name": "coverage_rate", "since": "2026-11-01"}, "not of a window"),
        ({"name": "missed_backups", "since": "2020-11-01"}, "is known from"),
    ],
)
def test_a_figure_that_would_be_false_is_refused(
    estate: Estate, arguments: dict[str, Any], said: str
) -> None:
    assert said in estate.ask("get_figure", **arguments)["error"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("run_sql", {"statement": "DELETE FROM tasks"}, "not permitted"),
        ("run_sql", {"statement": "SELECT 1; SELECT 2"}, "2 statements"),
        ("run_sql", {"statement": "COPY tasks TO '/tmp/x.csv'"}, "not permitted"),
        ("run_sql", {"statement": "SELECT * FROM read_text('/etc/passwd')"}, "read_text"),
        ("run_sql", {"statement": "SELECT size FROM tasks"}, "no sizes"),
        ("run_sql", {"statement": ""}, "empty"),
        ("query_view", {"name": "attempts"}, "Similar: attempt"),
        ("query_view", {"name": "attempt", "filters": {"user": "x"}}, "no column 'user'"),
        ("query_view", {"name": "attempt", "columns": ["1; DROP TABLE tasks"]}, "no column"),
        ("query_view", {"name": "as_known_at"}, "is a macro"),
        ("describe_view", {"name": "protection"}, "There is no view"),
    ],
)
@pytest.mark.fault("statements that write")
def test_nothing_but_reading_is_possible(
    estate: Estate, tool: str, arguments: dict[str, Any], said: str
) -> None:
    assert said in estate.ask(tool, **arguments)["error"]


def test_rows_are_limited_and_the_total_is_said(estate: Estate) -> None:
    answer = estate.ask("query_view", name="tasks", columns=["task_id"], limit=3)
    assert (answer["rows_returned"], answer["is_limited"]) == (3, True)
    assert answer["rows_total"] == len(estate.tasks)
    assert estate.ask("run_sql", statement="FROM tasks", limit=501)["error"]
    many = estate.ask("run_sql", statement="FROM range(2000000)", limit=1)
    assert (many["rows_total"], many["is_total_exact"]) == (2_000_000, True)
    commented = estate.ask("run_sql", statement="FROM tasks; -- all of them", limit=1)
    assert commented["rows_total"] in (2, len(estate.tasks))
    assert commented["is_total_exact"] == (commented["rows_total"] > 2)
    described = estate.ask("run_sql", statement="DESCRIBE tasks", limit=1)
    assert described["rows_total"] >= 2
    assert estate.ask("run_sql", statement="SELECT 1 AS a, 2 AS a")["rows"] == [{"a": 1, "a_2": 2}]


def test_filters_take_values_lists_and_nothing(estate: Estate) -> None:
    both = estate.ask("query_view", name="tasks", filters={"status": ["failed", "timeout"]}, limit=1)
    assert both["rows_total"] == sum(task["status"] in FAILED for task in estate.tasks)
    none = estate.ask("query_view", name="tasks", filters={"ended_at": None}, limit=1)
    assert none["rows_total"] == sum(not task.get("ended_at") for task in estate.tasks)
    quoted = estate.ask("query_view", name="tasks", filters={"status": "x' OR true --"}, limit=1)
    assert quoted["rows_total"] == 0


def test_views_are_listed_and_described(estate: Estate) -> None:
    views = estate.ask("list_views")["views"]
    assert {"analytics.protection_coverage", "tasks", "analytics.as_known_at"} <= {
        one["name"] for one in views
    }
    described = estate.ask("describe_view", name="analytics.consecutive_failures")
    assert described["setting_values"]["strikes"] == 3
    assert "last_ok_at" in described["columns"]
    assert re.match("TIMESTAMP", estate.ask("describe_view", name="tasks")["columns"]["created_at"])


def test_every_tool_is_marked_as_reading(estate: Estate) -> None:
    async def talk() -> Any:
        async with Client(build_server(estate.path, "1.0", plain)) as client:
            return await client.list_tools()

    for tool in anyio.run(talk).tools:
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.open_world_hint is False
        assert tool.description
        assert tool.output_schema


def test_a_statement_that_takes_too_long_is_stopped(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbr_warehouse.mcp_server.server.TIME_LIMIT_SECONDS", 0.5)
    endless = "SELECT sum(a.range * b.range % 7) FROM range(100000000) a, range(100000000) b"
    assert "stopped after" in estate.ask("run_sql", statement=endless)["error"]


def test_with_an_inventory_resources_that_were_never_enrolled_are_known(
    estate: Estate, tmp_path: Path
) -> None:
    asked = {"question": "Which servers were never enrolled?"}
    log = SmallLog("2026-03-10 00:00").load("2026-03-10 00:00", source="other")
    log.daily("good", "2026-03-01 01:00", 9, vault_id="gold")
    log.backup("far", "2026-03-09 01:00", source="other")
    log.cover("2026-03-09").cover("2026-03-09", source="other")
    inventory = SmallInventory(log)
    inventory.vault("gold", policy="nightly")
    inventory.policy("nightly", "FREQ=DAILY;INTERVAL=1;BYHOUR=1;BYMINUTE=0")
    inventory.member("gold", "good")
    for name in ("good", "new", "newer"):
        inventory.protectable(name)
    with_inventory = Estate(log.publish(tmp_path / "warehouse.duckdb", comments=True), [])
    known = with_inventory.ask("what_is_not_known", **asked)
    assert known["is_about_the_unknown"] is False
    view = known["subjects"][0]["answered_by"]
    rows = with_inventory.ask("query_view", name=view)["rows"]
    assert {(row["resource_id"], row["reason"]) for row in rows} == {
        ("new", "never_enrolled"),
        ("newer", "never_enrolled"),
    }
    figure = with_inventory.ask("get_figure", name="unprotected_resources")
    assert (figure["numerator"], figure["denominator"], set(figure["by_source"])) == (2, 3, {"main"})
    assert "left out for want of an inventory: other" in figure["population"]
    assert estate.ask("what_is_not_known", **asked)["subjects"][0]["answered_by"] is None
    assert "needs the inventory" in estate.ask("get_figure", name="unprotected_resources")["error"]


def test_without_the_list_of_vaults_there_is_no_number_of_unprotected_resources(tmp_path: Path) -> None:
    """It was 0, of an inventory that the credentials may not read."""
    log = SmallLog("2026-03-10 00:00")
    log.daily("good", "2026-03-01 01:00", 9)
    log.cover("2026-03-09")
    SmallInventory(log, vaults="not_permitted").protectable("new")
    estate = Estate(log.publish(tmp_path / "warehouse.duckdb", comments=True), [])
    said = estate.ask("get_figure", name="unprotected_resources")["error"]
    assert "the vaults of none of main are loaded" in said
