"""Reports limited to sources, vaults and policies: every figure is that of the resources chosen."""

from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import UsageError
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.collect_data import ReportData, collect_data
from cbr_warehouse.report.options import WHOLE, Language, Scope
from cbr_warehouse.report.period_name import parse_period
from cbr_warehouse.report.queries import read_question
from cbr_warehouse.report.query_files import query_names
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.scope import OF_WHOLE_SOURCES
from cbr_warehouse.report.texts import read_texts
from support.small_log import SmallLog, at

ENGLISH = read_texts(Language.EN)
HOSTILE = "o'brien\"); DROP TABLE x; --"


def add(log: SmallLog, group: str, source: str, vault: str, policy: str, failing: bool) -> None:
    """A resource of a group: daily backups, copies, a recovery, a deletion, a partial success."""
    names = {"source": source, "vault_id": vault, "vault_name": f"name of {vault}", "policy_id": policy}
    resource = f"{group}-{vault}-{policy}"
    for task in log.daily(resource, "2026-02-01 01:00", 20, **names):
        log.copy(task, at("2026-02-21 05:00"), source=source, vault_id=vault)
    status = {"status": "failed", "error_code": f"E-{policy}"} if failing else {}
    log.daily(resource, "2026-02-21 01:00", 10, **names | status)
    log.daily(resource, "2026-03-03 01:00", 7, **names)
    log.backup(resource, "2026-03-09 03:00", **names | {"status": "failed", "error_code": "E"})
    counters = {"sync_backup_num": 1, "sync_delete_backup_num": 0, "sync_err_sync_backup_num": 1}
    log.task(
        "sync", "2026-03-08 03:00", source=source, vault_id=vault, vault_name=f"name of {vault}", **counters
    )


GROUPS = (
    ("one", "a", "va", "pa", False),
    ("two", "a", "va", "pb", True),
    ("three", "a", HOSTILE, "pa", True),
    ("four", "b", "vb", "pa", False),
)


def log_of(*groups: tuple[str, str, str, str, bool]) -> SmallLog:
    log = SmallLog(source="a").load("2026-03-10 00:00", source="b")
    for source in ("a", "b"):
        log.cover("2026-03-07", "2026-03-08", source=source)
    for group in groups:
        add(log, *group)
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scope")


def read(folder: Path, log: SmallLog, scope: Scope, period: str = "month") -> ReportData:
    path = folder / f"{len(list(folder.iterdir()))}.duckdb"
    with open_warehouse(log.publish(path)) as opened:
        return collect_data(opened, parse_period(period), ENGLISH, scope)


def answers(data: ReportData) -> dict[str, Any]:
    figures = {
        name: (one.value, one.numerator, one.denominator, one.before) for name, one in data.figures.items()
    }
    return {"figures": figures, "verdict": data.verdict} | {
        name: one.rows for name, one in data.results.items()
    }


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        (Scope.of(["a"]), {"one", "two", "three"}),
        (Scope.of(["b"]), {"four"}),
        (Scope.of(["a", "b"]), {"one", "two", "three", "four"}),
        (Scope.of(vaults=["va"]), {"one", "two"}),
        (Scope.of(vaults=["name of va", "vb"]), {"one", "two", "four"}),
        (Scope.of(vaults=[HOSTILE]), {"three"}),
        (Scope.of(policies=["pa"]), {"one", "three", "four"}),
        (Scope.of(["a"], ["va"], ["pb"]), {"two"}),
    ],
)
def test_a_limited_report_is_that_of_an_estate_of_nothing_else(
    folder: Path, scope: Scope, kept: set[str]
) -> None:
    limited = answers(read(folder, log_of(*GROUPS), scope))
    alone = answers(read(folder, log_of(*(one for one in GROUPS if one[0] in kept)), WHOLE))
    # Days of data belong to sources, and tasks of no resource to vaults: these are compared below.
    of_sources = {"verdict", "findings", "completeness", "watermark"}
    for found in (limited, alone):
        found["changes"] = [row for row in found["changes"] if row["kind"] != "partial_success"]
    assert alone["figures"]["success"][2] > 0
    for name in limited.keys() - of_sources:
        assert limited[name] == alone[name], name
    by_name = [{row["finding"]: row for row in found["findings"]} for found in (limited, alone)]
    for name in ("unprotected", "persistent", "mostly_failed", "unscheduled"):
        assert by_name[0][name] == by_name[1][name]


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        (WHOLE, 4),
        (Scope.of(["a"]), 3),
        (Scope.of(["b"]), 1),
        (Scope.of(vaults=["va"]), 2),
        (Scope.of(vaults=[HOSTILE]), 1),
        (Scope.of(policies=["pa"]), 0),
    ],
)
def test_tasks_of_no_resource_are_limited_by_their_vault(folder: Path, scope: Scope, number: int) -> None:
    data = read(folder, log_of(*GROUPS), scope)
    partial = sum(row["n"] for row in data.results["changes"].rows if row["kind"] == "partial_success")
    assert partial == number


def test_days_and_records_are_limited_by_source_alone(folder: Path) -> None:
    data = read(folder, log_of(*GROUPS), Scope.of(["a"], ["va"]))
    assert {row["source"] for row in data.results["completeness"].rows} == {"a"}
    assert [(row["source"], row["tasks"]) for row in data.results["watermark"].rows] == [("a", 177)]


def test_no_query_forgets_its_limits() -> None:
    for name in query_names():
        by_source = read_question(name, Scope.of(["a"])).sql
        assert "source IN ('a')" in by_source, name
        by_vault = read_question(name, Scope.of(vaults=["v"])).sql
        assert ("chosen_resource" in by_vault) == (name not in OF_WHOLE_SOURCES), name


def test_names_that_nobody_knows_are_refused_with_those_that_are(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(folder, log_of(*GROUPS), Scope.of(["c"], ["nowhere"], ["\x1b[2J"]))
    said = str(caught.value)
    assert "--source c: not in the warehouse. Known: a, b." in said
    assert "--vault nowhere: no backup task of a resource names it. Known: name of" in said
    assert "--policy" in said
    assert "\x1b" not in said


def test_a_vault_that_only_copies_name_has_no_resource_to_report(folder: Path) -> None:
    log = log_of(*GROUPS)
    log.copy(log.backup("disk-9", "2026-03-08 01:00"), "2026-03-08 02:00", vault_id="copies")
    with pytest.raises(UsageError, match="--vault copies: no backup task of a resource names it"):
        read(folder, log, Scope.of(vaults=["copies"]))


def test_the_page_says_what_it_is_limited_to_and_what_cannot_be(folder: Path) -> None:
    html = render_page(read(folder, log_of(*GROUPS), Scope.of(["a"], ["va"])), ENGLISH, "0")
    assert "Limited to source a; vault va." in html
    assert html.count("Of whole sources: it cannot be limited") == 2


def test_a_source_that_is_behind_can_be_reported_alone(folder: Path) -> None:
    """A source more than 30 days behind the newest is left out of all other reports."""
    log = SmallLog().load("2026-01-20 00:00", source="old")
    log.daily("here", "2026-03-01 01:00", 9)
    log.daily("there", "2026-01-10 01:00", 9, source="old")
    data = read(folder, log, Scope.of(["old"]), "week")
    assert data.period
    assert data.period.as_of == at("2026-01-20 00:00")
    assert data.figures["success"].denominator == 6
